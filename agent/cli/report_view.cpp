#include "agent/cli/report_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/cli/support.h"
#include "agent/cli/table.h"
#include "platform/log/printable.h"

namespace tillsync::cli {
namespace {

const json::Array& list_of(const json::Value& object, std::string_view name) {
  static const json::Array none;
  const json::Value* list = object.find(name);
  return list != nullptr && list->as_array() != nullptr ? *list->as_array() : none;
}

const json::Object& members_of(const json::Value* value) {
  static const json::Object none;
  return value != nullptr && value->as_object() != nullptr ? *value->as_object() : none;
}

// "123.45 GBP, 6.00 EUR"
std::string money(const json::Value* total) {
  std::string text;
  for (const auto& [currency, amount] : members_of(total)) {
    text += (text.empty() ? "" : ", ") + shown(&amount) + " " + printable(currency);
  }
  return text.empty() ? "-" : text;
}

std::string count_of(const json::Value* part) {
  return part == nullptr ? "-" : shown(*part, "count");
}
std::string total_of(const json::Value* part) {
  return part == nullptr ? "-" : money(part->find("total"));
}

// "terminal=3 after=12 before=14", whatever members an entry has.
std::string members_text(const json::Value& entry) {
  std::string text;
  for (const auto& [name, value] : members_of(&entry))
    text += (text.empty() ? "" : "  ") + printable(name) + "=" + shown(&value);
  return text.empty() ? shown(&entry) : text;
}

std::string heading(const json::Value& report) {
  const std::string from = shown(report, "from");
  const std::string to = shown(report, "to");
  return fmt::format("Reconciliation  store {}  {}\n{}  (made {})\n", shown(report, "store"),
                     from == to ? from : from + " to " + to,
                     report_balanced(report) ? "BALANCED" : "NOT BALANCED", shown(report, "generated_at"));
}

std::string documents_text(const json::Value& journal, std::size_t width) {
  Table table{{"JOURNAL", "COUNT", "TOTAL"}, {1, 2}, {}};
  for (const auto& [type, part] : members_of(journal.find("documents"))) {
    table.rows.push_back({printable(type), count_of(&part), total_of(&part)});
  }
  return table.rows.empty() ? "no documents in the journal for these days\n" : table.text(width);
}

std::string more(std::size_t count) {
  return count > kListShownMax
             ? fmt::format("    … and {} more; --json has them all\n", count - kListShownMax)
             : "";
}

// Reason is last: it is the longest, and is cut first.
std::string entries_text(const json::Array& entries, std::size_t width) {
  Table table{{"DOCUMENT", "TYPE", "SEQUENCE", "STEP", "STATE", "REASON"}, {2}, {}};
  for (std::size_t i = 0; i < std::min(entries.size(), kListShownMax); ++i) {
    const json::Value& e = entries[i];
    table.rows.push_back({shown(e, "id"), shown(e, "type"), shown(e, "sequence"), shown(e, "step"),
                          shown(e, "state"), shown(e, "reason")});
  }
  return table.text(width, 4) + more(entries.size());
}

std::string different_text(const json::Array& entries, std::size_t width) {
  Table table{{"DOCUMENT", "MEMBER", "JOURNAL", "CENTRAL"}, {}, {}};
  for (std::size_t i = 0; i < std::min(entries.size(), kListShownMax); ++i) {
    const json::Value& e = entries[i];
    table.rows.push_back({shown(e, "id"), shown(e, "member"), shown(e, "journal"), shown(e, "central")});
  }
  return table.text(width, 4) + more(entries.size());
}

struct Difference {
  const char* member;
  const char* meaning;
};
constexpr Difference kDifferences[] = {
    {"pending", "pending: not delivered yet"},
    {"quarantined", "quarantined: a person is needed"},
    {"missing", "missing: delivered says the journal, central has not"},
    {"unexpected", "unexpected: central has it, the journal has not"},
    {"different", "different: both have it, not the same"},
};

std::string target_text(const std::string& name, const json::Value& target, std::size_t width) {
  const json::Value* read_back = target.find("read_back_at");
  const bool never = read_back == nullptr || read_back->is_null();
  std::string out = fmt::format("\nTarget {}  {}\n", printable(name),
                                never ? "never read back" : "read back " + shown(read_back));
  Table totals{{"", "COUNT", "TOTAL"}, {1, 2}, {}};
  for (const char* side : {"journal", "central"}) {
    totals.rows.push_back({side, count_of(target.find(side)), total_of(target.find(side))});
  }
  out += totals.text(width, 2);
  out += fmt::format("  matched {}", shown(target, "matched"));
  for (const Difference& d : kDifferences)
    out += fmt::format("  {} {}", d.member, list_of(target, d.member).size());
  out += "\n";
  for (const auto& [type, sum] : members_of(target.find("not_listed"))) {
    out += fmt::format("  not listed: {} {}, taken by the target, which has no list to compare with\n",
                       printable(type), count_of(&sum));
  }
  for (const Difference& d : kDifferences) {
    const json::Array& entries = list_of(target, d.member);
    if (entries.empty()) continue;
    out += fmt::format("  {}\n", d.meaning);
    out += std::string_view(d.member) == "different" ? different_text(entries, width)
                                                     : entries_text(entries, width);
  }
  return out;
}

/// "cash 0.50 GBP, card -0.50 GBP", or "none".
std::string tenders_text(const json::Array& tenders) {
  std::string text;
  for (const json::Value& tender : tenders) {
    if (!text.empty()) text += ", ";
    text += shown(tender, "type") + " " + shown(tender, "amount") + " " + shown(tender, "currency");
  }
  return text.empty() ? "none" : text;
}

std::string till_closes_text(const json::Array& closes, std::size_t width) {
  if (closes.empty()) return {};
  Table table{{"CLOSE", "TERMINAL", "DAY", "SAID", "JOURNAL", "AFTER", "AGREES", "COUNTED LESS JOURNAL"},
              {3, 4, 5},
              {}};
  for (std::size_t i = 0; i < std::min(closes.size(), kListShownMax); ++i) {
    const json::Value& close = closes[i];
    const json::Value* documents = close.find("documents");
    const json::Value none;
    const json::Value& counts = documents != nullptr ? *documents : none;
    const json::Value* agrees = close.find("agrees");
    table.rows.push_back(
        {shown(close, "id"), shown(close, "terminal"), shown(close, "business_day"), shown(counts, "said"),
         shown(counts, "journal"), shown(close, "after_close"),
         agrees != nullptr && agrees->as_bool() != nullptr && *agrees->as_bool() ? "yes" : "NO",
         tenders_text(list_of(close, "difference"))});
  }
  return fmt::format("\nTill closes ({})\n", closes.size()) + table.text(width, 2) + more(closes.size());
}

/// One table for each way to sum: by till, by tender, by tax code.
std::string sums_text(const json::Value& sums, std::size_t width) {
  struct Kind {
    const char* list;
    const char* name;
    const char* heading;
  };
  std::string out;
  for (const Kind& kind : {Kind{"terminals", "terminal", "TILL"}, Kind{"tenders", "tender", "TENDER"}}) {
    const json::Array& entries = list_of(sums, kind.list);
    if (entries.empty()) continue;
    Table table{{kind.heading, "SALES", "", "RETURNS", "", "NET", ""}, {1, 2, 3, 4, 5}, {}};
    for (const json::Value& e : entries) {
      table.rows.push_back({shown(e, kind.name), shown(e, "sales_count"), shown(e, "sales"),
                            shown(e, "returns_count"), shown(e, "returns"), shown(e, "net"),
                            shown(e, "currency")});
    }
    out += "\n" + table.text(width);
  }
  const json::Array& taxes = list_of(sums, "taxes");
  if (taxes.empty()) return out;
  Table table{{"TAX CODE", "LINES", "TURNOVER", "TAX", ""}, {1, 2, 3}, {}};
  for (const json::Value& e : taxes) {
    table.rows.push_back(
        {shown(e, "code"), shown(e, "lines"), shown(e, "turnover"), shown(e, "tax"), shown(e, "currency")});
  }
  return out + "\n" + table.text(width);
}

/// What is aimed at, and what came of it.
std::string objectives_text(const json::Value& slo, std::size_t width) {
  Table table{{"OBJECTIVE", "TARGET", "VALUE", "AIM", "UNIT", "MET"}, {2, 3}, {}};
  for (const json::Value& e : list_of(slo, "objectives")) {
    const json::Value* met = e.find("met");
    const bool known = met != nullptr && met->as_bool() != nullptr;
    table.rows.push_back({shown(e, "objective"), shown(e, "target"), shown(e, "value"), shown(e, "aim"),
                          shown(e, "unit"),
                          !known            ? "-"
                          : *met->as_bool() ? "yes"
                                            : "NO"});
  }
  return table.rows.empty() ? "" : "\n" + table.text(width);
}

std::string plain_list(const char* title, const json::Array& entries, std::size_t width) {
  if (entries.empty()) return {};
  std::string out = fmt::format("\n{} ({})\n", title, entries.size());
  for (std::size_t i = 0; i < std::min(entries.size(), kListShownMax); ++i) {
    const std::string line = "  " + members_text(entries[i]);
    out += (width > 0 ? fitted(line, width) : line) + "\n";
  }
  return out + more(entries.size());
}

}  // namespace

bool report_balanced(const json::Value& report) {
  const json::Value* balanced = report.find("balanced");
  return balanced != nullptr && balanced->as_bool() != nullptr && *balanced->as_bool();
}

std::string trial_balance_text(const json::Value& balance, std::size_t width) {
  const std::string from = shown(balance, "from"), to = shown(balance, "to");
  std::string out =
      fmt::format("Trial balance  store {}  {}\n{}  (made {})\n", shown(balance, "store"),
                  from == to ? from : from + " to " + to,
                  report_balanced(balance) ? "BALANCED" : "NOT BALANCED", shown(balance, "generated_at"));
  for (const auto& [currency, part] : members_of(balance.find("currencies"))) {
    Table table{{"ACCOUNT", "", "DEBIT " + printable(currency), "CREDIT " + printable(currency)}, {2, 3}, {}};
    for (const json::Value& e : list_of(part, "accounts"))
      table.rows.push_back({shown(e, "account"), shown(e, "name"), shown(e, "debit"), shown(e, "credit")});
    table.rows.push_back({"total", report_balanced(part) ? "balances" : "DOES NOT BALANCE",
                          shown(part, "debit"), shown(part, "credit")});
    out += "\n" + table.text(width);
  }
  Table targets{{"TARGET", "JOURNAL", "NOT LISTED", "CENTRAL", "DIFFERENCE", "READ BACK"}, {}, {}};
  for (const auto& [name, side] : members_of(balance.find("targets"))) {
    const json::Value* current = side.find("read_back_is_current");
    const bool old = current != nullptr && current->as_bool() != nullptr && !*current->as_bool();
    targets.rows.push_back({printable(name), money(side.find("journal")), money(side.find("not_listed")),
                            money(side.find("central")), money(side.find("difference")),
                            shown(side, "read_back_at") + (old ? " (old)" : "")});
  }
  return targets.rows.empty() ? out : out + "\n" + targets.text(width);
}

std::string report_text(const json::Value& report, std::size_t width) {
  std::string out = heading(report) + "\n";
  if (const json::Value* journal = report.find("journal")) {
    out += documents_text(*journal, width);
  }
  for (const auto& [name, target] : members_of(report.find("targets")))
    out += target_text(name, target, width);
  if (const json::Value* journal = report.find("journal")) {
    out += plain_list("Lost in damage of the journal, and in none of these sums", list_of(*journal, "lost"),
                      width);
    out += plain_list("Gaps in a terminal's own numbers", list_of(*journal, "sequence_gaps"), width);
    out += plain_list("Numbers that a terminal used more than once", list_of(*journal, "sequence_repeats"),
                      width);
    out += till_closes_text(list_of(*journal, "till_closes"), width);
  }
  if (const json::Value* sums = report.find("sums")) out += sums_text(*sums, width);
  if (const json::Value* slo = report.find("slo")) out += objectives_text(*slo, width);
  out += plain_list("Conflicts", list_of(report, "conflicts"), width);
  out += plain_list("Decisions", list_of(report, "decisions"), width);
  return out;
}

}  // namespace tillsync::cli
