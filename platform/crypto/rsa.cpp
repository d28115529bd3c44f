#include "platform/crypto/rsa.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "platform/base/check.h"

namespace tillsync {
namespace {

constexpr int kBitsMin = 2048;    // RFC 7518 section 3.3
constexpr int kBitsMax = 16'384;  // signing with more takes seconds

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct ContextFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

EVP_PKEY* raw(const std::shared_ptr<void>& key) {
  return static_cast<EVP_PKEY*>(key.get());
}

/// No password is ever asked for at a terminal.
int no_password(char*, int, int, void*) {
  return -1;
}

Error no_key(std::string_view why) {
  return {ErrorKind::kInvalid, "key", "that is no RSA private key that can be used: " + std::string(why)};
}

}  // namespace

Result<RsaKey> RsaKey::from_pem(std::string_view pem) {
  const std::unique_ptr<BIO, BioFree> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::shared_ptr<void> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr),
                                  [](void* held) { EVP_PKEY_free(static_cast<EVP_PKEY*>(held)); });
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
  const std::unique_ptr<EVP_MD_CTX, ContextFree> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;  // the context's
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(raw(key_))), '\0');
  std::size_t size = signature.size();
  bool good = EVP_DigestSignInit(context.get(), &options, EVP_sha256(), nullptr, raw(key_)) == 1;
  if (padding == Padding::kPss) {
    good = good && EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  good = good && EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                                reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
  TILLSYNC_CHECK(good, "an RSA key signs");
  signature.resize(size);
  return signature;
}

}  // namespace tillsync
