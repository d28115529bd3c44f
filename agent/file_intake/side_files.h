// What is written beside a file that was moved: why it was rejected, or what of it was no document. JSON for
// machines, a member a line for people. Pure.
#pragma once

#include <string>
#include <string_view>

#include "agent/file_intake/file_reader.h"

namespace tillsync {

/// NAME.reason.json: a problem (RFC 9457) with "file", "taken" (ranges of lines or transactions),
/// "documents" (each that was not taken, with its own problem) and "noted". `format`: the intake's.
std::string reason_text(std::string_view file, std::string_view format, const FileReport& report);

/// NAME.notes.json: the transactions that were no documents.
std::string notes_text(std::string_view file, const FileReport& report);

/// `name` with `suffix` behind it, shortened to the 255 bytes of a file's name; then with 16 digits of its
/// SHA-256, so that two names stay two.
std::string beside_name(std::string_view name, std::string_view suffix);

}  // namespace tillsync
