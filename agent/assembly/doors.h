// The daemon's doors: its listeners with their certificates, who may pass, and the watch over what says so.
// The sound daemon and the one with a damaged journal have the same. Event loop's thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "agent/access/access_file.h"
#include "agent/access/access_sample.h"
#include "agent/http_server/event_loop.h"
#include "agent/http_server/server.h"

namespace tillsync {

/// What each server's connections get to end in when the daemon stops.
inline constexpr std::chrono::milliseconds kShutDownPatience{10'000};

class Doors {
 public:
  /// Reads certificates and tokens. The error is load_tls()'s; a list of tokens that cannot be read is only
  /// told. `settings` and `clock` must outlive it.
  static Result<std::unique_ptr<Doors>> open(const Settings& settings, const Clock& clock, AuditSink audit);

  /// Sets who is let in, for the servers that listen() takes; it must outlive them.
  void guard(ServerOptions& till, ServerOptions& ops);
  /// Opens every listener of the settings.
  Result<void> listen(HttpServer& till, HttpServer& ops);
  /// Looks for other tokens once a second and for other certificates every five.
  void watch(EventLoop& loop);
  /// Looks for both at once, with the files and names that these settings name. TLS is on or off, and where
  /// is listened, as it was.
  void reload(const Settings& settings);
  /// While the servers live.
  AccessSample sample() const;

 private:
  Doors(const Settings& settings, const Clock& clock, AuditSink audit);
  void look();
  void tick(EventLoop& loop);

  const Settings& settings_;
  AccessWatch tokens_;
  Gate till_gate_, ops_gate_;
  std::optional<CertificateKeeper> till_certificate_, ops_certificate_;
  const HttpServer* till_ = nullptr;
  const HttpServer* ops_ = nullptr;
  int seconds_ = 0;
};

/// Tells changes in the log; the journal's own record of them is the composition root's to add.
AuditSink audit_to_log();

}  // namespace tillsync
