#include "platform/crypto/ed25519.h"

#include <openssl/pem.h>

#include "platform/base/check.h"
#include "platform/crypto/openssl_keys.h"

namespace tillsync {
using namespace crypto;

namespace {

std::string text_of(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

std::string public_part(const std::shared_ptr<void>& key) {
  std::string out(32, '\0');
  std::size_t size = out.size();
  TILLSYNC_CHECK(
      EVP_PKEY_get_raw_public_key(raw(key), reinterpret_cast<unsigned char*>(out.data()), &size) == 1 &&
          size == out.size(),
      "an Ed25519 key has 32 public bytes");
  return out;
}

bool is_ed25519(EVP_PKEY* key) {
  return key != nullptr && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519;
}

Error no_key(const char* what) {
  return Error{
      ErrorKind::kInvalid, "key",
      std::string("that is no Ed25519 ") + what + " key (PEM); `tillsync journal keygen` makes a pair"};
}

}  // namespace

KeyPairPem make_ed25519_pair() {
  const auto key = owned(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  TILLSYNC_CHECK(key != nullptr, "OpenSSL makes Ed25519 keys");
  const Bio secret(BIO_new(BIO_s_mem())), open(BIO_new(BIO_s_mem()));
  const bool written =
      PEM_write_bio_PKCS8PrivateKey(secret.get(), raw(key), nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
      PEM_write_bio_PUBKEY(open.get(), raw(key)) == 1;
  TILLSYNC_CHECK(written, "OpenSSL writes keys to memory");
  return {text_of(secret), text_of(open)};
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  const auto bio = bio_of(pem);
  auto key = owned(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!is_ed25519(raw(key))) return no_key("private");
  return SigningKey(std::move(key));
}

std::string SigningKey::sign(std::string_view message) const {
  const DigestContext context(EVP_MD_CTX_new());
  std::string signature(64, '\0');
  std::size_t size = signature.size();
  const bool made = EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, raw(key_)) == 1 &&
                    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                                   bytes(message), message.size()) == 1;
  TILLSYNC_CHECK(made && size == signature.size(), "an Ed25519 key signs");
  return signature;
}

std::string SigningKey::public_key() const {
  return public_part(key_);
}

std::string SigningKey::public_pem() const {
  const Bio open(BIO_new(BIO_s_mem()));
  TILLSYNC_CHECK(PEM_write_bio_PUBKEY(open.get(), raw(key_)) == 1, "OpenSSL writes keys to memory");
  return text_of(open);
}

Result<VerifyingKey> VerifyingKey::from_bytes(std::string_view public_key) {
  auto key =
      owned(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(public_key), public_key.size()));
  if (!is_ed25519(raw(key))) return no_key("public");
  return VerifyingKey(std::move(key));
}

Result<VerifyingKey> VerifyingKey::from_pem(std::string_view pem) {
  const auto bio = bio_of(pem);
  auto key = owned(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr));
  if (!is_ed25519(raw(key))) return no_key("public");
  return VerifyingKey(std::move(key));
}

bool VerifyingKey::verifies(std::string_view message, std::string_view signature) const {
  const DigestContext context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, raw(key_)) == 1 &&
         EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(message),
                          message.size()) == 1;
}

std::string VerifyingKey::public_key() const {
  return public_part(key_);
}

}  // namespace tillsync
