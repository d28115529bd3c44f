// A signed export that the project makes: of a small journal, the same bytes each time, so that the target
// knows what the seeds hold.
#pragma once

#include <string>
#include <string_view>

#include "outbox/journal/signed_file.h"

namespace tillsync::fuzz {

/// A key for tests only: RFC 8032, section 7.1, test 2.
const SigningKey& sample_key();
const VerifyingKey& sample_trust();

/// The whole file: a few documents, and facts of several kinds about them.
const std::string& sample_export();
/// `content` (header and records, each line with its end) and the trailer that makes it a signed file. Says
/// itself what CONTRACT section 4 says of a trailer, so that any content can be signed.
std::string signed_content(std::string_view content);
/// Where the trailer of a file begins: behind the last line's end but one.
std::size_t trailer_at(std::string_view file);

}  // namespace tillsync::fuzz
