#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "config/checks.h"
#include "config/settings.h"
#include "platform/service/sealed_secret.h"

namespace tillsync {
namespace {

constexpr std::size_t kSecretBytesMax = 64 * 1024;

Error unreadable(const SecretReference& reference, const std::string& why) {
  return {ErrorKind::kUnavailable, "secret-unreadable", "secret " + reference.text + " " + why};
}

Result<std::string> read_file(const SecretReference& reference, const std::string& path) {
  std::ifstream in(path, std::ios::binary);
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

/// What systemd made ready for this service (systemd.exec(5), CREDENTIALS).
Result<std::string> read_credential(const SecretReference& reference, const std::string& name) {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr || *folder == '\0') {
    return unreadable(
        reference,
        "needs CREDENTIALS_DIRECTORY, which systemd sets for a unit with credentials; write LoadCredential=" +
            name + ":/PATH or LoadCredentialEncrypted=" + name + " into the unit, and start tillsync by it");
  }
  auto secret = read_file(reference, std::string(folder) + "/" + name);
  if (secret || secret.error().detail.find("cannot be read") == std::string::npos) return secret;
  return unreadable(reference, "is no credential of this unit; write LoadCredential=" + name +
                                   ":/PATH or LoadCredentialEncrypted=" + name + " into it, and restart it");
}

Result<std::string> read_sealed(const SecretReference& reference, const std::string& path) {
  auto sealed = read_file(reference, path);
  if (!sealed) return sealed;
  auto secret = unseal_secret(*sealed);
  return secret ? secret : unreadable(reference, secret.error().detail);
}

Result<std::string> read_environment(const SecretReference& reference, const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return unreadable(reference, "is not in the environment; set it for the service");
  return std::string(value);
}

Result<std::string> read_whole(const SecretReference& reference) {
  const auto colon = reference.text.find(':');
  const std::string name = reference.text.substr(colon + 1);
  if (reference.text.starts_with("env:")) return read_environment(reference, name);
  if (reference.text.starts_with("file:")) return read_file(reference, name);
  if (reference.text.starts_with("dpapi:")) return read_sealed(reference, name);
  return read_credential(reference, name);
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

}  // namespace

Result<std::string> read_secret(const SecretReference& reference) {
  if (reference.empty()) return std::string();
  if (!config::check_secret(reference.text).empty()) {
    // The text is not repeated: it may be the secret itself.
    return Error{ErrorKind::kUnavailable, "secret-unreadable",
                 "a secret is no \"file:PATH\", \"env:NAME\" or \"systemd-credential:NAME\""};
  }
  auto secret = read_whole(reference);
  if (!secret) return secret;
  while (!secret->empty() && (secret->back() == '\n' || secret->back() == '\r')) secret->pop_back();
  if (secret->empty()) return unreadable(reference, "is empty; put the secret there, or write \"\" for none");
  // A line end within would start a header of its own on the wire.
  const bool fit = std::none_of(secret->begin(), secret->end(), [&reference](char c) {
    return is_control(c) && !(reference.several_lines && (c == '\n' || c == '\r' || c == '\t'));
  });
  if (fit) return secret;
  return unreadable(reference, reference.several_lines
                                   ? "holds control characters; it must be lines of text"
                                   : "holds control characters; it must be one line of text");
}

}  // namespace tillsync
