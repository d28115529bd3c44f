#include "agent/ops_api/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "agent/ops_api/metric_families.h"
#include "agent/ops_api/service_metrics.h"

namespace tillsync {
namespace {

double epoch_seconds(UtcTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

/// Never less than zero, whatever the clock does.
double seconds_since(UtcTime then, UtcTime now) {
  return std::max(0.0, std::chrono::duration<double>(now - then).count());
}

/// What is told in any state of the journal.
void add_state(Families& out, bool damaged, bool accepting) {
  put(out.add("tillsync_build_info", "1; the label says which version runs.", MetricType::Gauge),
      {{"version", TILLSYNC_VERSION}}, 1);
  put(out.add("tillsync_journal_damaged", "1 while the journal is damaged: nothing is stored or delivered.",
              MetricType::Gauge),
      {}, damaged ? 1 : 0);
  put(out.add("tillsync_accepting", "1 while tills can post.", MetricType::Gauge), {}, accepting ? 1 : 0);
}

void add_daemon(Families& out, const MetricsSample& sample) {
  add_state(out, false, sample.accepting);
  put(out.add("tillsync_start_time_seconds", "When the daemon started, in seconds of the Unix epoch.",
              MetricType::Gauge),
      {}, epoch_seconds(sample.started_at));
  put(out.add("tillsync_clock_seconds", "The store's own clock, in seconds of the Unix epoch.",
              MetricType::Gauge),
      {}, epoch_seconds(sample.now));
}

void add_documents(Families& out, const MetricsSample& sample) {
  auto& documents = out.add("tillsync_documents_total", "Documents journaled, by type.", MetricType::Counter);
  for (const auto& [type, count] : sample.counts.documents_by_type)
    put(documents, {{"type", type}}, as_double(count));
  auto& statuses = out.add("tillsync_documents", "Documents by status.", MetricType::Gauge);
  for (int i = 0; i < kDocumentStatusCount; ++i) {
    put(statuses, {{"status", std::string(status_name(static_cast<DocumentStatus>(i)))}},
        as_double(sample.counts.by_status[i]));
  }
  put(out.add("tillsync_backlog_documents", "Documents with something still owed.", MetricType::Gauge), {},
      as_double(sample.counts.backlog()));
  put(out.add("tillsync_blocked_documents", "Documents that wait for a quarantined delivery.",
              MetricType::Gauge),
      {}, as_double(sample.blocked_documents));
  put(out.add("tillsync_journal_head_sequence", "Last sequence of the journal.", MetricType::Gauge), {},
      as_double(sample.head.value));
}

void add_targets(Families& out, const MetricsSample& sample) {
  auto& outcomes =
      out.add("tillsync_deliveries_total", "Delivery attempts, by target and outcome.", MetricType::Counter);
  for (const auto& [target, counts] : sample.counts.targets) {
    for (const auto& [outcome, count] : counts.outcomes) {
      put(outcomes, {{"target", target}, {"outcome", outcome}}, as_double(count));
    }
  }
  auto& owed = out.add("tillsync_owed_deliveries", "Deliveries still owed, by target.", MetricType::Gauge);
  for (const auto& [target, counts] : sample.counts.targets)
    put(owed, {{"target", target}}, as_double(counts.owed));
  auto& quarantined = out.add("tillsync_quarantined_deliveries", "Deliveries that a person must decide on.",
                              MetricType::Gauge);
  for (const auto& [target, counts] : sample.counts.targets)
    put(quarantined, {{"target", target}}, as_double(counts.quarantined));
  auto& up = out.add("tillsync_target_up", "1 where the target serves.", MetricType::Gauge);
  for (const auto& [target, view] : sample.targets) {
    put(up, {{"target", target}}, view.status.state == TargetState::kUp ? 1 : 0);
  }
  auto& states = out.add("tillsync_target_state", "1 for the state that the target is in, 0 for the others.",
                         MetricType::Gauge);
  for (const auto& [target, view] : sample.targets) {
    for (const auto state : {TargetState::kUp, TargetState::kDown, TargetState::kPaused,
                             TargetState::kThrottled, TargetState::kHalted}) {
      put(states, {{"target", target}, {"state", std::string(target_state_name(state))}},
          view.status.state == state ? 1 : 0);
    }
  }
  auto& read_back = out.add("tillsync_read_back_age_seconds",
                            "Since central's own list was last read back whole, or the start, by target.",
                            MetricType::Gauge);
  for (const auto& [target, at] : sample.caught_up)
    put(read_back, {{"target", target}}, seconds_since(at, sample.now));
  auto& oldest = out.add("tillsync_oldest_undelivered_seconds",
                         "Age of the oldest undelivered document, by target.", MetricType::Gauge);
  for (const auto& [target, view] : sample.targets) {
    const auto& recorded_at = view.status.oldest_open_recorded_at;
    put(oldest, {{"target", target}}, recorded_at ? seconds_since(*recorded_at, sample.now) : 0);
  }
  auto& rate = out.add("tillsync_replay_rate", "Deliveries a second over the last seconds, by target.",
                       MetricType::Gauge);
  for (const auto& [target, view] : sample.targets) put(rate, {{"target", target}}, view.rate_per_s);
}

void add_intakes(Families& out, const MetricsSample& sample) {
  if (sample.intakes.empty()) return;
  auto& files = out.add("tillsync_intake_files_total",
                        "Files that were taken or rejected since the start, by intake.", MetricType::Counter);
  for (const auto& [name, counts] : sample.intakes) {
    put(files, {{"intake", name}, {"result", "taken"}}, as_double(counts.files_taken));
    put(files, {{"intake", name}, {"result", "rejected"}}, as_double(counts.files_rejected));
  }
  auto& documents = out.add("tillsync_intake_documents_total",
                            "Documents out of files since the start, by intake.", MetricType::Counter);
  for (const auto& [name, counts] : sample.intakes) {
    put(documents, {{"intake", name}, {"result", "journaled"}}, as_double(counts.documents_journaled));
    put(documents, {{"intake", name}, {"result", "had_already"}}, as_double(counts.documents_had_already));
    put(documents, {{"intake", name}, {"result", "refused"}}, as_double(counts.documents_refused));
  }
  auto& waiting =
      out.add("tillsync_intake_files_waiting", "Files in the folder, by intake.", MetricType::Gauge);
  for (const auto& [name, counts] : sample.intakes)
    put(waiting, {{"intake", name}}, as_double(counts.files_waiting));
}

void add_conflicts(Families& out, const MetricsSample& sample) {
  if (sample.counts.conflicts.empty()) return;
  auto& found = out.add("tillsync_conflicts_total", "Conflicts between the store and central, ever, by kind.",
                        MetricType::Counter);
  for (const auto& [kind, count] : sample.counts.conflicts) put(found, {{"kind", kind}}, as_double(count));
  auto& open =
      out.add("tillsync_conflicts_open", "Conflicts that wait for a person, by kind.", MetricType::Gauge);
  for (const auto& [kind, count] : sample.counts.open_conflicts)
    put(open, {{"kind", kind}}, as_double(count));
}

void add_facts(Families& out, const MetricsSample& sample) {
  if (sample.facts.counts.empty()) return;
  auto& rows = out.add("tillsync_central_view_rows", "Rows of central that the store holds, by kind.",
                       MetricType::Gauge);
  for (const FactCount& count : sample.facts.counts)
    put(rows, {{"kind", std::string(fact_kind_name(count.kind))}}, as_double(count.rows));
  auto& age = out.add("tillsync_central_view_age_seconds",
                      "Since central last told or confirmed a row of the kind.", MetricType::Gauge);
  for (const FactCount& count : sample.facts.counts) {
    if (!count.newest_fetched_at) continue;
    put(age, {{"kind", std::string(fact_kind_name(count.kind))}},
        seconds_since(*count.newest_fetched_at, sample.now));
  }
}

void add_access(Families& out, const MetricsSample& sample) {
  auto& refused = out.add("tillsync_access_refused_total",
                          "Requests with wrong credentials, or none where they are wanted, since the start.",
                          MetricType::Counter);
  for (const auto& [api, counts] : sample.access.gates)
    put(refused, {{"api", api}}, static_cast<double>(counts.refused));
  auto& lockouts = out.add("tillsync_access_lockouts_total",
                           "Addresses that were locked out since the start, by API.", MetricType::Counter);
  for (const auto& [api, counts] : sample.access.gates)
    put(lockouts, {{"api", api}}, static_cast<double>(counts.lockouts));
  if (sample.access.certificates.empty()) return;
  auto& handshakes =
      out.add("tillsync_tls_handshakes_failed_total",
              "TLS handshakes that came to nothing since the start, by API.", MetricType::Counter);
  for (const auto& [api, count] : sample.access.handshakes_failed)
    put(handshakes, {{"api", api}}, static_cast<double>(count));
  auto& ends =
      out.add("tillsync_certificate_not_after_seconds",
              "When the listener's certificate ends, in seconds of the Unix epoch.", MetricType::Gauge);
  for (const auto& each : sample.access.certificates) {
    put(ends, {{"api", each.listener}}, epoch_seconds(each.facts.not_after));
  }
}

}  // namespace

std::string damaged_metrics_text() {
  Families out({});
  add_state(out, true, false);
  return out.text();
}

struct Metrics::Impl {
  prometheus::Registry registry;
  prometheus::Histogram& commit_seconds =
      prometheus::BuildHistogram()
          .Name("tillsync_journal_commit_seconds")
          .Help("Time of a group commit, its fsync included.")
          .Register(registry)
          .Add({}, prometheus::Histogram::BucketBoundaries{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                           0.1, 0.25, 1, 5});
  prometheus::Counter& commit_tasks =
      prometheus::BuildCounter()
          .Name("tillsync_journal_committed_tasks_total")
          .Help("Posts and facts committed; over the commits: how many share one fsync.")
          .Register(registry)
          .Add({});
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::commit(std::chrono::nanoseconds took, std::size_t tasks) {
  impl_->commit_seconds.Observe(std::chrono::duration<double>(took).count());
  impl_->commit_tasks.Increment(static_cast<double>(tasks));
}

std::string Metrics::text(const MetricsSample& sample) {
  Families out(impl_->registry.Collect());
  add_daemon(out, sample);
  add_documents(out, sample);
  add_targets(out, sample);
  add_intakes(out, sample);
  if (sample.service) add_service(out, *sample.service, sample.now);
  add_facts(out, sample);
  add_conflicts(out, sample);
  add_access(out, sample);
  put(out.add("tillsync_settings_loaded_seconds",
              "When the settings that run were read, in seconds of the Unix epoch.", MetricType::Gauge),
      {}, std::chrono::duration<double>(sample.settings.loaded_at.time_since_epoch()).count());
  put(out.add("tillsync_settings_refused", "1 while the settings file was refused at the last reload.",
              MetricType::Gauge),
      {}, sample.settings.refused ? 1 : 0);
  put(out.add("tillsync_disk_free_bytes", "Bytes free on the journal's disk.", MetricType::Gauge), {},
      as_double(sample.disk.free_bytes));
  put(out.add("tillsync_disk_reserve_bytes", "Bytes that the disk reserve holds now.", MetricType::Gauge), {},
      as_double(sample.disk.reserve_bytes));
  put(out.add("tillsync_disk_reserve_whole_bytes", "Bytes of the whole reserve; with less posts are refused.",
              MetricType::Gauge),
      {}, as_double(sample.disk_reserve_whole_bytes));
  return out.text();
}

}  // namespace tillsync
