// RSA signatures with SHA-256 (RFC 8017), by OpenSSL: those that tokens are asked for with (RFC 7518
// sections 3.3 and 3.5).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace tillsync {

class RsaKey {
 public:
  enum class Padding {
    kPkcs1,  ///< RSASSA-PKCS1-v1_5: RS256
    kPss,    ///< RSASSA-PSS, the salt as long as the digest: PS256
  };
  /// A private key in PEM (PKCS #8 or PKCS #1), of 2048 bits and more. kInvalid `key` where it is none, with
  /// the cure; the text is not repeated.
  static Result<RsaKey> from_pem(std::string_view pem);
  /// As many bytes as the key has.
  std::string sign(std::string_view message, Padding padding) const;

 private:
  explicit RsaKey(std::shared_ptr<void> key) : key_(std::move(key)) {}
  std::shared_ptr<void> key_;  // EVP_PKEY
};

}  // namespace tillsync
