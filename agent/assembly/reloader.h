// Reads the settings again while the daemon runs: what is wrong, or needs a restart, is refused as a whole
// and told; anything else is taken over. See "Settings while it runs" in agent/DESIGN.md.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "agent/http_server/event_loop.h"
#include "agent/views/settings_state.h"
#include "config/settings.h"
#include "outbox/journal/audit_event.h"
#include "platform/log/log.h"

namespace tillsync {

/// Reads and checks the settings file.
using ReadSettings = std::function<Result<Settings>()>;

log::LogOptions log_options(const LogSettings& settings);

/// Digests of what the files and secrets hold that the targets' settings name, by the key that names them. A
/// connector or a token that was changed is a change, though no setting is.
using NamedContents = std::map<std::string, std::string>;
NamedContents named_contents(const Settings& settings);

struct NewSettings {
  Settings settings;
  NamedContents contents;
  std::vector<std::string> changed;  ///< keys; those of contents too
  bool changes_works = false;        ///< more than the log's and the listeners' own
};
/// The error: why the file is refused. It names every key that only a restart can change.
Result<NewSettings> read_new_settings(const ReadSettings& read, const Settings& running,
                                      const NamedContents& contents);

class Reloader {
 public:
  struct Parts {
    EventLoop& loop;
    const Clock& clock;
    ReadSettings read;
    /// Builds what is built from settings; an error leaves the old in force. On the reloader's thread.
    std::function<Result<void>(const Settings&)> take_over;
    /// They are in force now, or, where nothing changed or they were refused, the old ones still are: for who
    /// looks after certificates and tokens. On the loop's thread.
    std::function<void(const Settings&)> in_force;
    AuditSink audit;
  };
  Reloader(const Settings& running, Parts parts);
  /// join().
  ~Reloader();

  /// Reads, and takes over or refuses, on a thread of its own; tells log, journal and service manager. One
  /// that comes meanwhile is made good afterwards. On the loop's thread.
  void reload();
  /// The daemon stops: nothing further is read. On the loop's thread.
  void stop() { stopping_ = true; }
  /// Waits for the thread. When the loop does not run.
  void join();
  /// On the loop's thread.
  const SettingsState& state() const { return state_; }

 private:
  using Done = std::variant<NewSettings, Error>;
  Done work();
  void finished(Done done);
  void refused(const Error& error);
  void taken(NewSettings taken);

  const Parts parts_;
  // The loop's thread's; the reloader's reads them while `busy_`.
  Settings running_;
  NamedContents contents_;
  SettingsState state_;
  bool busy_ = false, again_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace tillsync
