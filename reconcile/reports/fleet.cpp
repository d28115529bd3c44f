#include "reconcile/reports/fleet.h"

#include <algorithm>

#include "platform/base/check.h"
#include "reconcile/reports/csv_field.h"
#include "reconcile/reports/html_page.h"
#include "reconcile/reports/signed_report.h"

namespace tillsync {
namespace {

constexpr StoreVerdict kVerdicts[] = {StoreVerdict::kBalanced, StoreVerdict::kNotBalanced,
                                      StoreVerdict::kLate, StoreVerdict::kUnreachable,
                                      StoreVerdict::kNotTrusted};

FleetEntry not_trusted(const std::string& store, std::string reason) {
  FleetEntry entry;
  entry.store = store;
  entry.verdict = StoreVerdict::kNotTrusted;
  entry.reason = std::move(reason);
  return entry;
}

std::int64_t length_of(const json::Value& target, std::string_view list) {
  const json::Value* found = target.find(list);
  return found != nullptr && found->as_array() != nullptr
             ? static_cast<std::int64_t>(found->as_array()->size())
             : 0;
}

bool is_true(const json::Value* value) {
  return value != nullptr && value->as_bool() != nullptr && *value->as_bool();
}

/// False where an amount cannot be read: then nothing of the store is summed.
bool read_totals(const json::Value& statement, FleetTotals& totals) {
  const json::Value* journal = statement.find("journal");
  const json::Value* documents = journal == nullptr ? nullptr : journal->find("documents");
  if (documents == nullptr || documents->as_object() == nullptr) return false;
  for (const auto& [type, part] : *documents->as_object()) {
    TypeSum& sum = totals.documents[type];
    sum.count = part.integer_of("count");
    const json::Value* total = part.find("total");
    if (total == nullptr || total->as_object() == nullptr) return false;
    for (const auto& [currency, amount] : *total->as_object()) {
      const std::string* text = amount.as_string();
      const auto value = text == nullptr ? Decimal::parse("", 0) : Decimal::parse(*text, Decimal::kDecimals);
      if (!value) return false;
      sum.total[currency] += *value;
    }
  }
  return true;
}

/// What the targets' lists hold, and whether all is delivered and read back.
bool read_targets(const json::Value& statement, FleetEntry& entry) {
  bool current = true;
  const json::Value* targets = statement.find("targets");
  if (targets == nullptr || targets->as_object() == nullptr) return true;
  for (const auto& [name, target] : *targets->as_object()) {
    entry.pending += length_of(target, "pending");
    entry.quarantined += length_of(target, "quarantined");
    entry.missing += length_of(target, "missing");
    entry.unexpected += length_of(target, "unexpected");
    entry.different += length_of(target, "different");
    current =
        current && is_true(target.find("read_back_is_current")) && target.integer_of("unconfirmed") == 0;
  }
  return current;
}

void judge(FleetEntry& entry, bool balanced, bool current) {
  if (balanced) {
    entry.verdict = StoreVerdict::kBalanced;
    return;
  }
  const auto say = [&](std::int64_t count, const char* what) {
    if (count == 0) return;
    entry.reason += (entry.reason.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  };
  say(entry.missing, "missing");
  say(entry.unexpected, "unexpected");
  say(entry.different, "different");
  say(entry.quarantined, "quarantined");
  entry.verdict = entry.reason.empty() ? StoreVerdict::kLate : StoreVerdict::kNotBalanced;
  say(entry.pending, "pending");
  if (!current)
    entry.reason += std::string(entry.reason.empty() ? "" : ", ") + "not read back since the last delivery";
}

json::Value totals_of(const FleetTotals& totals) {
  json::Object out;
  for (const auto& [type, sum] : totals.documents)
    out.emplace_back(type, json::Object{{"count", sum.count}, {"total", totals_json(sum.total)}});
  return out;
}

json::Value entry_json(const FleetEntry& entry) {
  return json::Object{
      {"store", entry.store},
      {"verdict", verdict_name(entry.verdict)},
      {"reason", entry.reason},
      {"generated_at", entry.generated_at.empty() ? json::Value() : json::Value(entry.generated_at)},
      {"pending", entry.pending},
      {"quarantined", entry.quarantined},
      {"missing", entry.missing},
      {"unexpected", entry.unexpected},
      {"different", entry.different},
      {"documents", totals_of(entry.totals)}};
}

void add_row(std::string& out, std::initializer_list<std::string> fields) {
  bool first = true;
  for (const std::string& field : fields) {
    if (!first) out += ',';
    first = false;
    append_csv_field(out, harmless_csv_field(field));
  }
  out += "\r\n";
}

}  // namespace

std::string_view verdict_name(StoreVerdict verdict) {
  switch (verdict) {
    case StoreVerdict::kBalanced:
      return "balanced";
    case StoreVerdict::kNotBalanced:
      return "not balanced";
    case StoreVerdict::kLate:
      return "late";
    case StoreVerdict::kUnreachable:
      return "unreachable";
    case StoreVerdict::kNotTrusted:
      return "not trusted";
  }
  TILLSYNC_CHECK(false, "a store has one of the verdicts");
}

void FleetTotals::add(const FleetTotals& other) {
  for (const auto& [type, sum] : other.documents) {
    TypeSum& mine = documents[type];
    mine.count += sum.count;
    for (const auto& [currency, amount] : sum.total) mine.total[currency] += amount;
  }
}

FleetEntry unreachable_entry(const std::string& store, std::string reason) {
  FleetEntry entry;
  entry.store = store;
  entry.reason = std::move(reason);
  return entry;
}

FleetEntry fleet_entry(const std::string& store, BusinessDay day, std::string_view answer,
                       const std::string& key) {
  const auto checked = check_report(answer, {key});
  if (!checked) return not_trusted(store, checked.error().detail);
  const json::Value& statement = checked->statement;
  if (!checked->trusted) return not_trusted(store, "signed with another key: " + checked->key_hex);
  if (checked->form != "json") return not_trusted(store, "answered with a " + checked->form);
  if (statement.text_of("store") != store)
    return not_trusted(store, "the report is store " + std::string(statement.text_of("store")) + "'s");
  if (statement.text_of("from") != day.text() || statement.text_of("to") != day.text())
    return not_trusted(store, "the report is of " + std::string(statement.text_of("from")) + " to " +
                                  std::string(statement.text_of("to")));
  FleetEntry entry;
  entry.store = store;
  entry.generated_at = statement.text_of("generated_at");
  if (!read_totals(statement, entry.totals)) return not_trusted(store, "the report's totals cannot be read");
  const bool current = read_targets(statement, entry);
  judge(entry, is_true(statement.find("balanced")), current);
  return entry;
}

bool FleetReport::balanced() const {
  return count(StoreVerdict::kBalanced) == static_cast<std::int64_t>(stores.size());
}

std::int64_t FleetReport::count(StoreVerdict verdict) const {
  return std::count_if(stores.begin(), stores.end(),
                       [&](const FleetEntry& entry) { return entry.verdict == verdict; });
}

FleetTotals FleetReport::totals() const {
  FleetTotals all;
  for (const FleetEntry& entry : stores) all.add(entry.totals);
  return all;
}

json::Value fleet_json(const FleetReport& report) {
  json::Object counts;
  for (const StoreVerdict verdict : kVerdicts)
    counts.emplace_back(std::string(verdict_name(verdict)), report.count(verdict));
  json::Array stores;
  for (const FleetEntry& entry : report.stores) stores.push_back(entry_json(entry));
  return json::Object{{"day", report.day.text()},
                      {"generated_at", format_utc(report.generated_at)},
                      {"balanced", report.balanced()},
                      {"counts", std::move(counts)},
                      {"documents", totals_of(report.totals())},
                      {"stores", std::move(stores)}};
}

std::string fleet_csv(const FleetReport& report) {
  std::string out;
  add_row(out, {"record", "store", "verdict", "reason", "pending", "quarantined", "missing", "unexpected",
                "different", "type", "count", "currency", "total"});
  for (const FleetEntry& entry : report.stores) {
    add_row(out,
            {"store", entry.store, std::string(verdict_name(entry.verdict)), entry.reason,
             std::to_string(entry.pending), std::to_string(entry.quarantined), std::to_string(entry.missing),
             std::to_string(entry.unexpected), std::to_string(entry.different), "", "", "", ""});
  }
  for (const auto& [type, sum] : report.totals().documents) {
    const std::string count = std::to_string(sum.count);
    if (sum.total.empty()) add_row(out, {"total", "", "", "", "", "", "", "", "", type, count, "", ""});
    for (const auto& [currency, amount] : sum.total)
      add_row(out, {"total", "", "", "", "", "", "", "", "", type, count, currency, amount.text(2)});
  }
  return out;
}

std::string fleet_html(const FleetReport& report) {
  HtmlPage page;
  const std::string title = "Stores on " + report.day.text();
  page.raw(html_head(title)).element("h1", title).note("Made " + format_utc(report.generated_at));
  page.raw(report.balanced() ? "<div class=\"verdict yes\"><b>All balanced</b><br>"
                             : "<div class=\"verdict no\"><b>Not all balanced</b><br>");
  std::string counts;
  for (const StoreVerdict verdict : kVerdicts) {
    if (report.count(verdict) == 0) continue;
    counts += (counts.empty() ? "" : ", ") + std::to_string(report.count(verdict)) + " " +
              std::string(verdict_name(verdict));
  }
  page.text(counts).raw("</div>\n").element("h2", "Totals of those that can be trusted").raw("\n");
  {
    HtmlTable table(page, {"documents", "#count", "#total (gross)"});
    for (const auto& [type, sum] : report.totals().documents)
      table.row({type, std::to_string(sum.count), html_money(sum.total)});
  }
  page.element("h2", "Stores").raw("\n");
  {
    HtmlTable table(page, {"store", "verdict", "why", "report made"});
    for (const FleetEntry& entry : report.stores) {
      table.row({entry.store, verdict_name(entry.verdict), entry.reason, entry.generated_at},
                entry.verdict == StoreVerdict::kBalanced ? "" : "bad");
    }
  }
  page.raw("</body></html>\n");
  return page.take();
}

}  // namespace tillsync
