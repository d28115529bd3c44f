#include "agent/access/certificates.h"

#include <fstream>

#include "platform/log/log.h"

namespace tillsync {
namespace {

constexpr std::size_t kPemBytesMax = 1024 * 1024;
constexpr std::chrono::hours kWarnEvery{24};

Result<std::string> read_pem(const std::string& path, const std::string& where) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kPemBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) {
    return Error{ErrorKind::kUnavailable, "certificate-unreadable",
                 where + ": " + path + " cannot be read; check that it exists and that tillsync may read it"};
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() <= kPemBytesMax) return text;
  return Error{ErrorKind::kInvalid, "certificate", where + ": " + path + " is larger than 1 MiB"};
}

}  // namespace

Result<std::shared_ptr<const tls::ServerContext>> load_tls(const std::string& listener,
                                                           const TlsSettings& settings,
                                                           const std::string& client_ca_file) {
  const std::string section = "[" + listener + "] ";
  tls::ServerPems pems;
  auto certificate = read_pem(settings.tls_certificate, section + "tls_certificate");
  if (!certificate) return certificate.error();
  pems.certificate = std::move(*certificate);
  auto key = read_secret(settings.tls_key);
  if (!key) return Error{key.error().kind, key.error().code, section + "tls_key: " + key.error().detail};
  pems.key = std::move(*key);
  if (!client_ca_file.empty()) {
    auto signers = read_pem(client_ca_file, section + "client_ca_file");
    if (!signers) return signers.error();
    pems.client_ca = std::move(*signers);
  }
  auto context = tls::ServerContext::make(pems);
  if (context) return context;
  const std::string& code = context.error().code;
  const std::string what = code == "key"         ? "tls_key " + settings.tls_key.text
                           : code == "client-ca" ? "client_ca_file " + client_ca_file
                                                 : "tls_certificate " + settings.tls_certificate;
  return Error{ErrorKind::kInvalid, code, section + what + ": " + context.error().detail};
}

CertificateKeeper::CertificateKeeper(std::string listener, TlsSettings settings, std::string client_ca_file,
                                     const Clock& clock, AuditSink audit)
    : listener_(std::move(listener)),
      settings_(std::move(settings)),
      client_ca_file_(std::move(client_ca_file)),
      clock_(clock),
      audit_(std::move(audit)) {}

Result<void> CertificateKeeper::start() {
  stamps_ = stamps();
  auto context = load_tls(listener_, settings_, client_ca_file_);
  if (!context) return context.error();
  context_ = std::move(*context);
  warn_of_its_end();
  return ok();
}

void CertificateKeeper::look() {
  if (stamps() != stamps_) {
    reload();
  } else {
    warn_of_its_end();
  }
}

void CertificateKeeper::reload() {
  stamps_ = stamps();  // before the files are read: what is written meanwhile shows the next time
  auto context = load_tls(listener_, settings_, client_ca_file_);
  if (!context) {
    log::error("tls.certificate_refused",
               {{"listener", listener_}, {"detail", context.error().detail}, {"kept", context_ != nullptr}});
    return;
  }
  const auto& facts = (*context)->certificate();
  const std::string until = "subject " + facts.subject + ", until " + format_utc(facts.not_after);
  log::info("tls.certificate_read", {{"listener", listener_}, {"detail", until}});
  audit_({"certificate-replaced", listener_, "", until});
  context_ = std::move(*context);
  warned_at_.reset();
  warn_of_its_end();
}

void CertificateKeeper::use(const TlsSettings& settings, const std::string& client_ca_file) {
  settings_ = settings;
  client_ca_file_ = client_ca_file;
}

CertificateView CertificateKeeper::view() const {
  const auto& facts = context_->certificate();
  return {listener_, facts, tls::days_left(facts, clock_.utc_now())};
}

std::vector<std::optional<FileStamp>> CertificateKeeper::stamps() const {
  std::vector<std::optional<FileStamp>> all{stamp_of(settings_.tls_certificate)};
  if (settings_.tls_key.text.starts_with("file:")) all.push_back(stamp_of(settings_.tls_key.text.substr(5)));
  if (!client_ca_file_.empty()) all.push_back(stamp_of(client_ca_file_));
  return all;
}

void CertificateKeeper::warn_of_its_end() {
  const SteadyTime now = clock_.steady_now();
  if (warned_at_ && now - *warned_at_ < kWarnEvery) return;
  const auto certificate = view();
  if (certificate.days_left >= kWarnDays) return;
  warned_at_ = now;
  const bool over = certificate.days_left < 0;
  log::write(certificate.days_left < kUrgentDays ? log::Level::kError : log::Level::kWarning,
             over ? "tls.certificate_expired" : "tls.certificate_expires",
             {{"listener", listener_},
              {"subject", certificate.facts.subject},
              {"not_after", format_utc(certificate.facts.not_after)},
              {"days_left", certificate.days_left},
              {"cure", "put a new certificate and its key in the files' place; they are read at once"}});
}

}  // namespace tillsync
