#include "platform/crypto/base64.h"

#include <openssl/evp.h>

#include <algorithm>

namespace tillsync {

std::string to_base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends with a NUL
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string to_base64url(std::string_view bytes) {
  std::string out = to_base64(bytes);
  while (out.ends_with('=')) out.pop_back();
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty()) return std::string();
  if (text.size() % 4 != 0) return std::nullopt;
  const auto padding = text.find_last_not_of('=') == std::string_view::npos
                           ? text.size()
                           : text.size() - 1 - text.find_last_not_of('=');
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (padding > 2 ||
      text.substr(0, text.size() - padding).find_first_not_of(kAlphabet) != std::string_view::npos)
    return std::nullopt;  // EVP_DecodeBlock takes white space around it
  std::string out(text.size() / 4 * 3, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(size) - padding);
  // Bits of the last character may stand for nothing: only zeros are what was written (RFC 4648, 3.5), or a
  // text would have others beside it that mean the same.
  if (padding > 0 &&
      to_base64(std::string_view(out).substr(out.size() / 3 * 3)) != text.substr(text.size() - 4))
    return std::nullopt;
  return out;
}

}  // namespace tillsync
