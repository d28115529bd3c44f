// A listener's certificate: read at the start, read again when its files change, and watched for its end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/settings.h"
#include "outbox/journal/audit_event.h"
#include "platform/base/time.h"
#include "platform/service/file_stamp.h"
#include "platform/tls/server_tls.h"

namespace tillsync {

/// From so many days before its end on a certificate's end is warned of, once a day; from kUrgentDays on as
/// an error.
inline constexpr int kWarnDays = 30;
inline constexpr int kUrgentDays = 7;

/// Reads and fits together what the settings name. `listener` is "till" or "ops". kUnavailable where a file
/// or secret cannot be read; kInvalid where what it holds is wrong. Each says which, and the cure.
Result<std::shared_ptr<const tls::ServerContext>> load_tls(const std::string& listener,
                                                           const TlsSettings& settings,
                                                           const std::string& client_ca_file);

struct CertificateView {
  std::string listener;
  tls::CertificateFacts facts;
  int days_left = 0;
};

/// Event loop's thread.
class CertificateKeeper {
 public:
  /// `clock` must outlive it.
  CertificateKeeper(std::string listener, TlsSettings settings, std::string client_ca_file,
                    const Clock& clock, AuditSink audit);

  /// As load_tls(). One that has expired is told and taken: tills on the Unix socket still want to trade.
  Result<void> start();
  /// Reads the files where one of them is another than before. A pair that is wrong is told, once, and the
  /// one before it stays.
  void look();
  /// Reads them whether they changed or not: a secret that is no file shows no change.
  void reload();
  /// Other files from now on; the pair that is shown stays until reload() finds a good one in them.
  void use(const TlsSettings& settings, const std::string& client_ca_file);
  /// For new connections. Null before start().
  const std::shared_ptr<const tls::ServerContext>& context() const { return context_; }
  CertificateView view() const;

 private:
  std::vector<std::optional<FileStamp>> stamps() const;
  void warn_of_its_end();

  const std::string listener_;
  TlsSettings settings_;
  std::string client_ca_file_;
  const Clock& clock_;
  const AuditSink audit_;
  std::shared_ptr<const tls::ServerContext> context_;
  std::vector<std::optional<FileStamp>> stamps_;
  std::optional<SteadyTime> warned_at_;
};

}  // namespace tillsync
