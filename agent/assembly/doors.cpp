#include "agent/assembly/doors.h"

#include "config/checks.h"
#include "platform/log/log.h"

namespace tillsync {
namespace {

constexpr std::chrono::milliseconds kDoorsLookEvery{1'000};
constexpr int kCertificatesEvery = 5;

bool is_guarded(const std::string& address) {
  return !address.empty() && !config::is_loopback(config::listen_host(address));
}

ListenOptions listen_options(const std::string& address,
                             const std::optional<CertificateKeeper>& certificate) {
  ListenOptions options;
  options.guarded = is_guarded(address);
  if (certificate) options.tls = [&certificate] { return certificate->context(); };
  return options;
}

}  // namespace

AuditSink audit_to_log() {
  return [](const AuditEvent& event) {
    log::info("audit",
              {{"what", event.what}, {"subject", event.subject}, {"by", event.by}, {"detail", event.detail}});
  };
}

Doors::Doors(const Settings& settings, const Clock& clock, AuditSink audit)
    : settings_(settings),
      tokens_(settings.journal.path, audit),
      till_gate_(AccessKind::kTerminal, tokens_.list(), clock, {}, [this] { tokens_.look(); }),
      ops_gate_(AccessKind::kOperator, tokens_.list(), clock, settings.ops.client_certificates,
                [this] { tokens_.look(); }) {
  if (settings.till.tls() && !settings.till.tcp.empty())
    till_certificate_.emplace("till", settings.till, "", clock, audit);
  if (settings.ops.tls())
    ops_certificate_.emplace("ops", settings.ops, settings.ops.client_ca_file, clock, audit);
}

Result<std::unique_ptr<Doors>> Doors::open(const Settings& settings, const Clock& clock, AuditSink audit) {
  std::unique_ptr<Doors> doors(new Doors(settings, clock, std::move(audit)));
  for (auto* certificate : {&doors->till_certificate_, &doors->ops_certificate_}) {
    if (!*certificate) continue;
    if (auto started = (*certificate)->start(); !started) return started.error();
  }
  doors->tokens_.look();
  const bool nobody = doors->tokens_.list().entries().empty();
  if (nobody && is_guarded(settings.till.tcp))
    log::warning("access.no_tokens", {{"api", "till"}, {"cure", "tillsync terminal add TERMINAL"}});
  if (nobody && is_guarded(settings.ops.tcp) && settings.ops.client_certificates.empty())
    log::warning("access.no_tokens", {{"api", "ops"}, {"cure", "tillsync operator add NAME --role read"}});
  return doors;
}

void Doors::guard(ServerOptions& till, ServerOptions& ops) {
  till.admit = [this](ServerRequest& head) { return till_gate_.admit(head); };
  ops.admit = [this](ServerRequest& head) { return ops_gate_.admit(head); };
}

Result<void> Doors::listen(HttpServer& till, HttpServer& ops) {
  till_ = &till;
  ops_ = &ops;
  const TillSettings& tills = settings_.till;
  if (!tills.unix_socket.empty()) {
    if (auto done = till.listen_unix(tills.unix_socket); !done) return done.error();
  }
  if (!tills.tcp.empty()) {
    if (auto done = till.listen_tcp(tills.tcp, listen_options(tills.tcp, till_certificate_)); !done)
      return done.error();
  }
  return ops.listen_tcp(settings_.ops.tcp, listen_options(settings_.ops.tcp, ops_certificate_));
}

void Doors::watch(EventLoop& loop) {
  tick(loop);
}

void Doors::tick(EventLoop& loop) {
  loop.call_after(kDoorsLookEvery, [this, &loop] {
    look();
    tick(loop);
  });
}

void Doors::look() {
  tokens_.look();
  if (++seconds_ % kCertificatesEvery != 0) return;
  for (auto* certificate : {&till_certificate_, &ops_certificate_}) {
    if (*certificate) (*certificate)->look();
  }
}

void Doors::reload(const Settings& settings) {
  tokens_.look();
  ops_gate_.certificates_are(settings.ops.client_certificates);
  const auto read = [](std::optional<CertificateKeeper>& certificate, const TlsSettings& tls,
                       const std::string& client_ca_file) {
    if (!certificate) return;
    certificate->use(tls, client_ca_file);
    certificate->reload();
  };
  read(till_certificate_, settings.till, "");
  read(ops_certificate_, settings.ops, settings.ops.client_ca_file);
}

AccessSample Doors::sample() const {
  AccessSample sample;
  sample.gates = {{"till", till_gate_.counts()}, {"ops", ops_gate_.counts()}};
  if (till_certificate_) {
    sample.certificates.push_back(till_certificate_->view());
    sample.handshakes_failed["till"] = till_->handshakes_failed();
  }
  if (ops_certificate_) {
    sample.certificates.push_back(ops_certificate_->view());
    sample.handshakes_failed["ops"] = ops_->handshakes_failed();
  }
  return sample;
}

}  // namespace tillsync
