// Handles of OpenSSL's. For the files of this folder.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/tls/certificate.h"

namespace tillsync::tls {

struct Free {
  void operator()(BIO* held) const { BIO_free(held); }
  void operator()(X509* held) const { X509_free(held); }
  void operator()(EVP_PKEY* held) const { EVP_PKEY_free(held); }
  void operator()(SSL_CTX* held) const { SSL_CTX_free(held); }
  void operator()(SSL* held) const { SSL_free(held); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

/// A BIO that reads from `text`, which must outlive it.
Owned<BIO> bio_of(std::string_view text);
/// Every certificate in the text, in order; empties the thread's queue of errors.
std::vector<Owned<X509>> certificates_in(std::string_view pem);
CertificateFacts facts_of(X509& certificate);
/// The reason of the last error on the thread's queue, which is empty afterwards; "" where there is none.
std::string take_reason();

}  // namespace tillsync::tls
