#include "platform/crypto/sha256.h"

#include <openssl/evp.h>

#include <span>

#include "platform/base/check.h"

namespace tillsync {
namespace {

/// Looked up once: a look-up by name costs more than hashing a small document.
const EVP_MD* algorithm() {
  static const EVP_MD* const md = [] {
    const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    TILLSYNC_CHECK(fetched != nullptr, "OpenSSL has SHA-256");
    return fetched;
  }();
  return md;
}

void begin(void* context) {
  TILLSYNC_CHECK(EVP_DigestInit_ex2(static_cast<EVP_MD_CTX*>(context), algorithm(), nullptr) == 1,
                 "SHA-256 begins");
}

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  TILLSYNC_CHECK(context_ != nullptr, "there is memory for a hash");
  begin(context_);
}

Sha256::~Sha256() {
  EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_));
}

Sha256& Sha256::update(std::string_view bytes) {
  TILLSYNC_CHECK(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size()) == 1,
                 "SHA-256 takes bytes");
  return *this;
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest;
  unsigned length = 0;
  TILLSYNC_CHECK(EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), digest.data(), &length) == 1 &&
                     length == digest.size(),
                 "SHA-256 ends");
  begin(context_);
  return digest;
}

Sha256Digest sha256(std::string_view bytes) {
  Sha256Digest digest;
  unsigned length = 0;
  TILLSYNC_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, algorithm(), nullptr) == 1,
                 "SHA-256 hashes");
  return digest;
}

std::string to_hex(std::string_view bytes) {
  return hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::string to_hex(const Sha256Digest& digest) {
  return hex(digest);
}

std::string_view as_bytes(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::optional<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  const auto nibble = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = nibble(hex[i]);
    const int low = nibble(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace tillsync
