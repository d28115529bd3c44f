#include <cstdlib>
#include <fstream>

#include "config/checks.h"
#include "config/settings.h"

namespace tillsync {
namespace {

constexpr std::size_t kSecretBytesMax = 64 * 1024;

Error unreadable(const SecretReference& reference, const std::string& why) {
  return {ErrorKind::kUnavailable, "secret-unreadable", "secret " + reference.text + " " + why};
}

Result<std::string> read_file(const SecretReference& reference) {
  std::ifstream in(reference.text.substr(5), std::ios::binary);
  std::string secret(kSecretBytesMax + 1, '\0');
  if (in) in.read(secret.data(), static_cast<std::streamsize>(secret.size()));
  if (!in.is_open() || in.bad()) {
    return unreadable(reference, "cannot be read; check that the file exists and that tillsync may read it");
  }
  secret.resize(static_cast<std::size_t>(in.gcount()));
  if (secret.size() > kSecretBytesMax)
    return unreadable(reference, "is larger than 64 KiB; name another file");
  return secret;
}

}  // namespace

Result<std::string> read_secret(const SecretReference& reference) {
  if (reference.empty()) return std::string();
  if (!config::check_secret(reference.text).empty()) {
    // The text is not repeated: it may be the secret itself.
    return Error{ErrorKind::kUnavailable, "secret-unreadable",
                 "a secret is no \"file:PATH\" or \"env:NAME\""};
  }
  std::string secret;
  if (reference.text.substr(0, 4) == "env:") {
    const char* value = std::getenv(reference.text.c_str() + 4);
    if (value == nullptr) return unreadable(reference, "is not in the environment; set it for the service");
    secret = value;
  } else {
    auto read = read_file(reference);
    if (!read) return read;
    secret = std::move(*read);
  }
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  if (secret.empty()) return unreadable(reference, "is empty; put the secret there, or write \"\" for none");
  for (const char c : secret) {
    // A line end within would start a header of its own on the wire.
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      return unreadable(reference, "holds control characters; it must be one line of text");
    }
  }
  return secret;
}

}  // namespace tillsync
