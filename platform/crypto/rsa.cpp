#include "platform/crypto/rsa.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "platform/base/check.h"
#include "platform/crypto/openssl_keys.h"

namespace tillsync {
using namespace crypto;

namespace {

constexpr int kBitsMin = 2048;    // RFC 7518 section 3.3
constexpr int kBitsMax = 16'384;  // signing with more takes seconds

Error no_key(std::string_view why) {
  return {ErrorKind::kInvalid, "key", "that is no RSA private key that can be used: " + std::string(why)};
}

}  // namespace

Result<RsaKey> RsaKey::from_pem(std::string_view pem) {
  const auto bio = bio_of(pem);
  const auto key = owned(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  ERR_clear_error();  // what is not taken from the thread's queue would be told of a later failure
  if (key == nullptr) {
    return no_key(
        "write it as PEM without a password, -----BEGIN PRIVATE KEY----- and all lines up to its END "
        "(openssl genrsa 2048 makes one)");
  }
  if (EVP_PKEY_get_base_id(raw(key)) != EVP_PKEY_RSA) return no_key("it is of another kind");
  const int bits = EVP_PKEY_get_bits(raw(key));
  if (bits < kBitsMin || bits > kBitsMax)
    return no_key("it has " + std::to_string(bits) + " bits; make one of 2048 to 16384");
  return RsaKey(key);
}

std::string RsaKey::sign(std::string_view message, Padding padding) const {
  const DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;  // the context's
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(raw(key_))), '\0');
  std::size_t size = signature.size();
  bool good = EVP_DigestSignInit(context.get(), &options, EVP_sha256(), nullptr, raw(key_)) == 1;
  if (padding == Padding::kPss) {
    good = good && EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  good = good && EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                                bytes(message), message.size()) == 1;
  TILLSYNC_CHECK(good, "an RSA key signs");
  signature.resize(size);
  return signature;
}

}  // namespace tillsync
