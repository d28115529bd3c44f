#include "platform/tls/server_tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "platform/base/check.h"
#include "platform/tls/openssl.h"

namespace tillsync::tls {
namespace {

/// TLS 1.2: forward secrecy and authenticated encryption alone. Of TLS 1.3 all suites are such.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::string_view kProtocol = "http/1.1";

/// No password is ever asked for at a terminal.
int no_password(char*, int, int, void*) {
  return -1;
}

/// HTTP/1.1, or no connection: who speaks HTTP/2 alone is told at once (RFC 7301 section 3.2).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int size, void*) {
  for (unsigned int at = 0; at < size; at += 1u + offered[at]) {
    const unsigned int length = offered[at];
    if (at + 1 + length > size) break;
    if (std::string_view(reinterpret_cast<const char*>(offered) + at + 1, length) != kProtocol) continue;
    *chosen = offered + at + 1;
    *chosen_size = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

Error wrong(const char* code, const std::string& detail) {
  return {ErrorKind::kInvalid, code, detail};
}

std::string because(const std::string& reason) {
  return reason.empty() ? "" : " (" + reason + ")";
}

Result<void> use_certificate(SSL_CTX* context, const std::vector<Owned<X509>>& chain) {
  if (chain.empty()) {
    return wrong(
        "certificate",
        "there is no certificate in it; it must be PEM, -----BEGIN CERTIFICATE----- and all lines up to "
        "its END");
  }
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (X509_check_issued(chain[i].get(), chain[i - 1].get()) == X509_V_OK) continue;
    return wrong("certificate", "its certificate number " + std::to_string(i + 1) + " did not sign number " +
                                    std::to_string(i) +
                                    "; put the server's own first, and behind each the one that signed it");
  }
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1)
    return wrong("certificate", "it cannot be used" + because(take_reason()) + "; have a new one made");
  for (std::size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context, chain[i].get());
  return ok();
}

Result<void> use_key(SSL_CTX* context, const std::string& pem) {
  const auto bio = bio_of(pem);
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (!key) {
    return wrong(
        "key",
        "it is no private key; write it as PEM without a password, -----BEGIN PRIVATE KEY----- and all "
        "lines up to its END");
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) == 1 && SSL_CTX_check_private_key(context) == 1) return ok();
  ERR_clear_error();
  return wrong("key", "it is another certificate's key; put the two that were made together");
}

Result<void> use_client_ca(SSL_CTX* context, const std::string& pem) {
  if (pem.empty()) return ok();
  const auto signers = certificates_in(pem);
  if (signers.empty()) {
    return wrong(
        "client-ca",
        "there is no certificate in it; it must hold, as PEM, those that sign clients' certificates");
  }
  for (const auto& signer : signers) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), signer.get());
    SSL_CTX_add_client_CA(context, signer.get());
  }
  // A signer that is itself signed by another may be trusted alone.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  ERR_clear_error();
  return ok();
}

}  // namespace

struct ServerContext::Impl {
  Owned<SSL_CTX> context;
  CertificateFacts facts;
};

Result<std::shared_ptr<const ServerContext>> ServerContext::make(const ServerPems& pems) {
  auto impl = std::make_shared<Impl>();
  impl->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = impl->context.get();
  TILLSYNC_CHECK(context != nullptr, "OpenSSL has TLS");
  const bool set = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
                   SSL_CTX_set_cipher_list(context, kCiphers) == 1;
  TILLSYNC_CHECK(set, "OpenSSL has TLS 1.2 and its ciphers");
  SSL_CTX_set_options(context,
                      SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);  // idle tills are many
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  // Without it a session that a client with a certificate resumes is refused.
  static constexpr unsigned char kSessions[] = "tillsync";
  SSL_CTX_set_session_id_context(context, kSessions, sizeof kSessions - 1);
  const auto chain = certificates_in(pems.certificate);
  if (auto used = use_certificate(context, chain); !used) return used.error();
  if (auto used = use_key(context, pems.key); !used) return used.error();
  if (auto used = use_client_ca(context, pems.client_ca); !used) return used.error();
  impl->facts = facts_of(*chain.front());
  return std::make_shared<const ServerContext>(std::move(impl));
}

const CertificateFacts& ServerContext::certificate() const {
  return impl_->facts;
}

struct ServerSession::Impl {
  std::shared_ptr<const ServerContext> context;  // outlives the session's use of it
  Owned<SSL> ssl;
  BIO* in = nullptr;   // the session's
  BIO* out = nullptr;  // the session's
  std::string failure;

  State ended(int result) {
    switch (SSL_get_error(ssl.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return State::kNeedsInput;
      case SSL_ERROR_ZERO_RETURN:
        return State::kClosed;
      default:
        break;
    }
    failure = take_reason();
    const long verified = SSL_get_verify_result(ssl.get());
    if (verified != X509_V_OK) failure += std::string(": ") + X509_verify_cert_error_string(verified);
    if (failure.empty()) failure = "the connection broke";
    return State::kFailed;
  }
};

ServerSession::ServerSession(std::shared_ptr<const ServerContext> context) : impl_(std::make_unique<Impl>()) {
  impl_->context = std::move(context);
  impl_->ssl.reset(SSL_new(impl_->context->impl().context.get()));
  impl_->in = BIO_new(BIO_s_mem());
  impl_->out = BIO_new(BIO_s_mem());
  TILLSYNC_CHECK(impl_->ssl && impl_->in != nullptr && impl_->out != nullptr,
                 "there is memory for a session");
  SSL_set_bio(impl_->ssl.get(), impl_->in, impl_->out);
  SSL_set_accept_state(impl_->ssl.get());
}

ServerSession::~ServerSession() = default;

void ServerSession::feed(std::string_view bytes) {
  const int taken = BIO_write(impl_->in, bytes.data(), static_cast<int>(bytes.size()));
  TILLSYNC_CHECK(taken == static_cast<int>(bytes.size()), "a buffer in memory takes all");
}

ServerSession::State ServerSession::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(impl_->ssl.get());
  return result == 1 ? State::kDone : impl_->ended(result);
}

ServerSession::State ServerSession::read(char* into, std::size_t size, std::size_t& got) {
  got = 0;
  ERR_clear_error();
  const int result = SSL_read_ex(impl_->ssl.get(), into, size, &got);
  return result == 1 ? State::kDone : impl_->ended(result);
}

bool ServerSession::write(std::string_view plain) {
  if (plain.empty()) return true;
  ERR_clear_error();
  std::size_t written = 0;
  const int result = SSL_write_ex(impl_->ssl.get(), plain.data(), plain.size(), &written);
  if (result != 1) impl_->ended(result);
  return result == 1 && written == plain.size();
}

void ServerSession::say_goodbye() {
  if (SSL_is_init_finished(impl_->ssl.get()) == 0 || !impl_->failure.empty()) return;
  ERR_clear_error();
  (void)SSL_shutdown(impl_->ssl.get());
  ERR_clear_error();
}

std::string ServerSession::take_output() {
  std::string bytes(BIO_ctrl_pending(impl_->out), '\0');
  if (!bytes.empty()) BIO_read(impl_->out, bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

std::vector<std::string> ServerSession::client_names() const {
  X509* const certificate = SSL_get0_peer_certificate(impl_->ssl.get());
  if (certificate == nullptr || SSL_get_verify_result(impl_->ssl.get()) != X509_V_OK) return {};
  return facts_of(*certificate).names;
}

const std::string& ServerSession::failure() const {
  return impl_->failure;
}

}  // namespace tillsync::tls
