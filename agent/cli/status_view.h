// What /v1/status says, read into plain values, and its table. Pure but for fetch_status().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/cli/progress.h"
#include "agent/cli/support.h"

namespace tillsync::cli {

/// One target. Texts are printable.
struct TargetView {
  std::string name;
  std::string state;
  std::int64_t owed = 0;
  std::int64_t in_flight = 0;
  std::string last_success;
  std::string last_error;  ///< when and why, "-" for none
};

struct StatusView {
  std::string store;
  std::string version;
  bool accepting = false;
  std::int64_t backlog = 0;      ///< documents something is owed for
  std::int64_t blocked = 0;      ///< of the backlog: those that wait on a quarantined one
  std::int64_t quarantined = 0;  ///< documents
  std::int64_t conflicts_open = 0;
  std::int64_t settled = 0;  ///< documents that owe nothing any more, however that came
  std::string oldest_undelivered;
  std::string damaged;             ///< what is wrong with the journal and the cure, "" where nothing is
  std::string settings_loaded_at;  ///< "-" where the daemon does not say
  std::string settings_refused;    ///< when the file was refused since, and why; "" where it was not
  std::int64_t lost = 0;           ///< records that recoveries from damage could not carry over
  std::vector<TargetView> targets;

  /// Nothing moves until a person resolves the quarantine.
  bool only_quarantine_left() const { return quarantined > 0 && backlog <= blocked; }
  bool drained() const { return backlog == 0 && quarantined == 0; }
};

StatusView read_status(const json::Value& status);
/// For people, lines of at most `width` columns where they can be (0: no limit).
std::string status_text(const StatusView& status, std::size_t width);
/// "erp up, crm down".
std::string states_text(const StatusView& status);

/// What `tillsync quarantine` has to be used for, in one line.
std::string quarantine_hint(const StatusView& status);

/// GET /v1/status.
Result<StatusView> fetch_status(const Endpoint& ops);

/// Follows a backlog that drains, over several readings of the status.
class BacklogProgress {
 public:
  Progress next(const StatusView& status, SteadyTime now);

 private:
  std::optional<std::int64_t> settled_at_start_;
  Pace pace_;
};

}  // namespace tillsync::cli
