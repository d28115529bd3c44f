// SHA-256 (FIPS 180-4), by OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tillsync {

using Sha256Digest = std::array<std::uint8_t, 32>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  Sha256& update(std::string_view bytes);
  /// The digest of all updates; the object is then as new.
  Sha256Digest finish();

 private:
  void* context_;  // EVP_MD_CTX
};

Sha256Digest sha256(std::string_view bytes);
/// Lower-case hexadecimal.
std::string to_hex(std::string_view bytes);
std::string to_hex(const Sha256Digest& digest);
/// The bytes of lower- or upper-case hexadecimal; nothing where it is none.
std::optional<std::string> from_hex(std::string_view hex);
std::string_view as_bytes(const Sha256Digest& digest);

}  // namespace tillsync
