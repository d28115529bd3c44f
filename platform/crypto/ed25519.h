// Ed25519 signatures (RFC 8032), by OpenSSL. Keys as PEM: PKCS #8 for the private one, SubjectPublicKeyInfo
// for the public one (RFC 8410).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace tillsync {

struct KeyPairPem {
  std::string private_key;
  std::string public_key;
};
/// From the operating system's generator.
KeyPairPem make_ed25519_pair();

class SigningKey {
 public:
  /// kInvalid `key` where it is no Ed25519 private key.
  static Result<SigningKey> from_pem(std::string_view pem);
  std::string sign(std::string_view message) const;  ///< 64 bytes
  std::string public_key() const;                    ///< 32 bytes
  std::string public_pem() const;

 private:
  explicit SigningKey(std::shared_ptr<void> key) : key_(std::move(key)) {}
  std::shared_ptr<void> key_;  // EVP_PKEY
};

class VerifyingKey {
 public:
  /// kInvalid `key` where it is no Ed25519 public key.
  static Result<VerifyingKey> from_pem(std::string_view pem);
  /// kInvalid `key` where it is not 32 bytes.
  static Result<VerifyingKey> from_bytes(std::string_view public_key);
  bool verifies(std::string_view message, std::string_view signature) const;
  std::string public_key() const;  ///< 32 bytes

 private:
  explicit VerifyingKey(std::shared_ptr<void> key) : key_(std::move(key)) {}
  std::shared_ptr<void> key_;  // EVP_PKEY
};

}  // namespace tillsync
