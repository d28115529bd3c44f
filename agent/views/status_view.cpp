#include "agent/views/status_view.h"

#include <fmt/format.h>

namespace tillsync {
namespace {

json::Value target_view(const JournalCounts::Target& counts, const TargetView* view) {
  json::Object out{
      {"state", view == nullptr ? "unconfigured" : target_state_name(view->status.state)},
      {"owed", counts.owed},
      {"in_flight", view == nullptr ? std::int64_t{0} : static_cast<std::int64_t>(view->status.in_flight)},
      {"delivered", counts.delivered},
      {"quarantined", counts.quarantined},
      {"discarded", counts.discarded}};
  if (view == nullptr) return out;
  // Texts, not JSON numbers with fractions: readers without floating point take them as they are.
  out.emplace_back("rate_per_s", fmt::format("{:.1f}", view->rate_per_s));
  out.emplace_back("last_success",
                   view->last_success ? json::Value(format_utc(*view->last_success)) : json::Value());
  out.emplace_back("last_error", view->last_error
                                     ? json::Value(json::Object{{"at", format_utc(view->last_error->first)},
                                                                {"reason", view->last_error->second}})
                                     : json::Value());
  out.emplace_back(
      "retry_in_s",
      view->retry_in ? json::Value(fmt::format("{:.1f}", static_cast<double>(view->retry_in->count()) / 1000))
                     : json::Value());
  return out;
}

json::Value time_or_null(const std::optional<UtcTime>& time) {
  return time ? json::Value(format_utc(*time)) : json::Value();
}

/// What is held of central, and how the last question to each target went.
json::Value facts_view(const FactsSummary& facts) {
  json::Object kinds, targets;
  for (const FactCount& count : facts.counts) {
    kinds.emplace_back(std::string(fact_kind_name(count.kind)),
                       json::Object{{"source", count.source},
                                    {"rows", count.rows},
                                    {"absent", count.absent},
                                    {"fetched_at", time_or_null(count.newest_fetched_at)},
                                    {"oldest_fetched_at", time_or_null(count.oldest_fetched_at)}});
  }
  for (const auto& [name, source] : facts.sources) {
    targets.emplace_back(
        name, json::Object{
                  {"asked_at", time_or_null(source.asked_at)},
                  {"changes_served", source.changes_served},
                  {"caught_up_at", time_or_null(source.caught_up_at)},
                  {"trouble", source.trouble ? json::Value(json::Object{{"code", source.trouble->code},
                                                                        {"detail", source.trouble->detail}})
                                             : json::Value()}});
  }
  return json::Object{{"kinds", std::move(kinds)}, {"targets", std::move(targets)}};
}

json::Value settings_view(const SettingsState& settings) {
  json::Value refusal;
  if (settings.refusal)
    refusal = json::Object{{"at", format_utc(settings.refusal->at)}, {"detail", settings.refusal->detail}};
  return json::Object{{"loaded_at", format_utc(settings.loaded_at)},
                      {"refused", settings.refused},
                      {"last_refusal", std::move(refusal)}};
}

json::Value certificates_view(const std::vector<CertificateView>& certificates) {
  json::Array out;
  for (const CertificateView& each : certificates) {
    out.emplace_back(json::Object{{"listener", each.listener},
                                  {"subject", each.facts.subject},
                                  {"not_after", format_utc(each.facts.not_after)},
                                  {"days_left", each.days_left}});
  }
  return out;
}

}  // namespace

json::Value status_view(const StatusSample& sample) {
  json::Object documents;
  for (int i = 0; i < kDocumentStatusCount; ++i) {
    documents.emplace_back(std::string(status_name(static_cast<DocumentStatus>(i))),
                           sample.counts.by_status[i]);
  }
  json::Object targets;
  for (const auto& [name, view] : sample.targets) {
    const auto counts = sample.counts.targets.find(name);
    targets.emplace_back(
        name,
        target_view(counts == sample.counts.targets.end() ? JournalCounts::Target{} : counts->second, &view));
  }
  // Owed to a target that the settings no longer name: it stays owed, and must be seen.
  for (const auto& [name, counts] : sample.counts.targets) {
    if (!sample.targets.contains(name) && counts.owed > 0)
      targets.emplace_back(name, target_view(counts, nullptr));
  }
  json::Value oldest;
  if (sample.oldest) {
    oldest = json::Object{{"id", sample.oldest->document.id},
                          {"sequence", sample.oldest->sequence.value},
                          {"recorded_at", format_utc(sample.oldest->recorded_at)}};
  }
  json::Array lost;
  for (const auto& recovery : sample.recoveries) {
    for (const auto& range : recovery.lost) {
      lost.emplace_back(json::Object{
          {"from", range.from.value}, {"through", range.through.value}, {"aside", recovery.aside}});
    }
  }
  json::Object intakes;
  for (const auto& [name, counts] : sample.intakes) {
    intakes.emplace_back(name, json::Object{{"files_waiting", counts.files_waiting},
                                            {"files_taken", counts.files_taken},
                                            {"files_rejected", counts.files_rejected}});
  }
  json::Object status{
      {"store", sample.store},
      {"version", TILLSYNC_VERSION},
      {"accepting", sample.accepting},
      {"backlog", sample.counts.backlog()},
      {"blocked", sample.blocked_documents},
      {"quarantined", sample.counts.by_status[static_cast<int>(DocumentStatus::kQuarantined)]},
      {"conflicts_open", sample.counts.conflicts_waiting()},
      {"oldest_undelivered", std::move(oldest)},
      {"documents", std::move(documents)},
      {"targets", std::move(targets)},
      {"lost", std::move(lost)}};
  if (sample.settings) status.emplace_back("settings", settings_view(*sample.settings));
  if (!sample.certificates.empty())
    status.emplace_back("certificates", certificates_view(sample.certificates));
  if (!intakes.empty()) status.emplace_back("intakes", std::move(intakes));
  if (!sample.facts.counts.empty()) status.emplace_back("central_view", facts_view(sample.facts));
  return status;
}

}  // namespace tillsync
