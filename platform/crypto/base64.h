// Base64 (RFC 4648 section 4), by OpenSSL.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tillsync {

std::string to_base64(std::string_view bytes);
/// Fit for a URL, without padding (RFC 4648 section 5, RFC 7515 section 2).
std::string to_base64url(std::string_view bytes);
/// Nothing where it is not what to_base64() writes: padded, one line, unused bits zero. So a text is the only
/// one for its bytes.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace tillsync
