#include "agent/cli/status_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/cli/table.h"
#include "platform/log/printable.h"

namespace tillsync::cli {
namespace {

std::string error_text(const json::Value* error) {
  if (error == nullptr || error->as_object() == nullptr) return "-";
  return shown(*error, "at") + " " + shown(*error, "reason");
}

std::string oldest_text(const json::Value* oldest) {
  if (oldest == nullptr || oldest->as_object() == nullptr) return "-";
  return fmt::format("{} (sequence {}, recorded {})", shown(*oldest, "id"), shown(*oldest, "sequence"),
                     shown(*oldest, "recorded_at"));
}

}  // namespace

StatusView read_status(const json::Value& status) {
  StatusView view;
  view.store = shown(status, "store");
  view.version = shown(status, "version");
  const json::Value* accepting = status.find("accepting");
  view.accepting = accepting != nullptr && accepting->as_bool() != nullptr && *accepting->as_bool();
  view.backlog = status.integer_of("backlog");
  view.blocked = status.integer_of("blocked");
  view.quarantined = status.integer_of("quarantined");
  view.conflicts_open = status.integer_of("conflicts_open");
  if (const json::Value* documents = status.find("documents")) {
    for (const char* settled : {"delivered", "quarantined", "discarded", "compensated"}) {
      view.settled += documents->integer_of(settled);
    }
  }
  view.oldest_undelivered = oldest_text(status.find("oldest_undelivered"));
  if (const json::Value* damaged = status.find("damaged"); damaged != nullptr && damaged->as_object()) {
    view.damaged = shown(*damaged, "reason") + "; " + shown(*damaged, "cure");
  }
  if (const json::Value* settings = status.find("settings"); settings != nullptr && settings->as_object()) {
    view.settings_loaded_at = shown(*settings, "loaded_at");
    const json::Value* refused = settings->find("refused");
    const json::Value* refusal = settings->find("last_refusal");
    if (refused != nullptr && refused->as_bool() != nullptr && *refused->as_bool() && refusal != nullptr)
      view.settings_refused = shown(*refusal, "at") + ": " + shown(*refusal, "detail");
  }
  if (const json::Value* lost = status.find("lost"); lost != nullptr && lost->as_array() != nullptr) {
    for (const auto& range : *lost->as_array())
      view.lost += range.integer_of("through") - range.integer_of("from") + 1;
  }
  const json::Value* targets = status.find("targets");
  if (targets == nullptr || targets->as_object() == nullptr) return view;
  for (const auto& [name, target] : *targets->as_object()) {
    view.targets.push_back({printable(name), shown(target, "state"), target.integer_of("owed"),
                            target.integer_of("in_flight"), shown(target, "last_success"),
                            error_text(target.find("last_error"))});
  }
  return view;
}

std::string status_text(const StatusView& status, std::size_t width) {
  std::string out = fmt::format("store {}  tillsync {}  {}\n", status.store, status.version,
                                status.accepting         ? "accepting"
                                : status.damaged.empty() ? "NOT ACCEPTING (disk reserve reached, or stopping)"
                                                         : "NOT ACCEPTING (the journal is damaged)");
  if (!status.damaged.empty()) out += status.damaged + "\n";
  if (status.lost > 0)
    out += fmt::format("{} records were lost in damage: see `tillsync journal verify`\n", status.lost);
  out += fmt::format("backlog {}  quarantined {}  oldest undelivered {}\n", status.backlog,
                     status.quarantined, status.oldest_undelivered);
  if (!status.settings_loaded_at.empty()) out += "settings of " + status.settings_loaded_at + "\n";
  if (!status.settings_refused.empty())
    out += "SETTINGS REFUSED, the old ones stay; at " + status.settings_refused + "\n";
  if (!status.targets.empty()) {
    Table table{{"TARGET", "STATE", "OWED", "IN FLIGHT", "LAST SUCCESS", "LAST ERROR"}, {2, 3}, {}};
    for (const TargetView& t : status.targets) {
      table.rows.push_back({t.name, t.state, std::to_string(t.owed), std::to_string(t.in_flight),
                            t.last_success, t.last_error});
    }
    out += "\n" + table.text(width);
  }
  if (status.quarantined > 0) out += "\n" + quarantine_hint(status) + "\n";
  if (status.conflicts_open > 0)
    out += fmt::format("\n{} conflicts wait for a person: see `tillsync conflicts list`\n",
                       status.conflicts_open);
  return out;
}

std::string states_text(const StatusView& status) {
  std::string out;
  for (const TargetView& target : status.targets)
    out += (out.empty() ? "" : ", ") + target.name + " " + target.state;
  return out;
}

std::string quarantine_hint(const StatusView& status) {
  return fmt::format("{} quarantined{}; a person is needed: see `tillsync quarantine list`",
                     status.quarantined,
                     status.blocked > 0 ? fmt::format(", {} more wait for them", status.blocked) : "");
}

Result<StatusView> fetch_status(const Endpoint& ops) {
  const auto status = get_json(ops, "/v1/status");
  if (!status) return status.error();
  return read_status(*status);
}

Progress BacklogProgress::next(const StatusView& status, SteadyTime now) {
  if (!settled_at_start_) settled_at_start_ = status.settled;
  Progress progress;
  // A retried quarantine takes settled documents back into the backlog: never below nothing.
  progress.done = std::max<std::int64_t>(0, status.settled - *settled_at_start_);
  progress.total = progress.done + status.backlog;
  pace_.sample(now, progress.done);
  progress.per_second = pace_.per_second();
  if (status.backlog > 0) progress.remaining = pace_.time_for(status.backlog);
  progress.note = states_text(status);
  if (status.quarantined > 0)
    progress.note += fmt::format("{}{} quarantined", progress.note.empty() ? "" : ", ", status.quarantined);
  return progress;
}

}  // namespace tillsync::cli
