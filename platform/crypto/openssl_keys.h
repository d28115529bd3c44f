// Handles of OpenSSL's keys. For the files of this folder.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>

#include <memory>
#include <string_view>

namespace tillsync::crypto {

struct Free {
  void operator()(BIO* held) const { BIO_free(held); }
  void operator()(EVP_MD_CTX* held) const { EVP_MD_CTX_free(held); }
};
using Bio = std::unique_ptr<BIO, Free>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free>;

/// A BIO that reads from `text`, which must outlive it.
inline Bio bio_of(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

inline const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// Keys are held without OpenSSL's types, so that its headers stay here.
inline EVP_PKEY* raw(const std::shared_ptr<void>& key) {
  return static_cast<EVP_PKEY*>(key.get());
}
inline std::shared_ptr<void> owned(EVP_PKEY* key) {
  return {key, [](void* held) { EVP_PKEY_free(static_cast<EVP_PKEY*>(held)); }};
}

/// No password is ever asked for at a terminal.
inline int no_password(char*, int, int, void*) {
  return -1;
}

}  // namespace tillsync::crypto
