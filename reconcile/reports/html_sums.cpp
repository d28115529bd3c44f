// The money of a report's page: by currency, day, till, tender and tax; and its till closes.
#include "reconcile/reports/html_page.h"
#include "reconcile/reports/trial_balance.h"

namespace tillsync {
namespace {

void add_trades(HtmlPage& page, const char* title, const char* name, const char* no_name,
                const std::map<SumKey, TradeSum>& sums) {
  if (sums.empty()) return;
  page.element("h3", title).raw("\n");
  HtmlTable table(page, {name, "#sales", "#amount", "#returns", "#amount", "#net"});
  for (const auto& [key, sum] : sums) {
    table.row({key.first.empty() ? std::string_view(no_name) : std::string_view(key.first),
               std::to_string(sum.sales_count), html_amount(sum.sales, key.second),
               std::to_string(sum.returns_count), html_amount(sum.returns, key.second),
               html_amount(sum.net(), key.second)});
  }
}

void add_taxes(HtmlPage& page, const std::map<SumKey, TaxSum>& sums) {
  if (sums.empty()) return;
  page.element("h3", "By tax code").raw("\n");
  HtmlTable table(
      page, {"tax code", "#lines", "#turnover (net of returns)", "#tax on sales", "#tax on returns", "#tax"});
  for (const auto& [key, sum] : sums) {
    table.row({key.first.empty() ? "no tax" : std::string_view(key.first),
               std::to_string(sum.turnover.sales_count + sum.turnover.returns_count),
               html_amount(sum.turnover.net(), key.second), html_amount(sum.tax.sales, key.second),
               html_amount(sum.tax.returns, key.second), html_amount(sum.tax.net(), key.second)});
  }
}

void add_trial_balance(HtmlPage& page, const Report& report) {
  if (report.accounts.empty()) return;
  const TrialBalance balance = trial_balance(report);
  page.element("h3", "Trial balance").raw("\n");
  HtmlTable table(page, {"account", "", "#debit", "#credit"});
  const std::string* currency = nullptr;
  const auto close = [&](const std::string& of) {
    const TrialBalance::Sides& sides = balance.totals.at(of);
    table.row({"total", sides.debit == sides.credit ? "balances" : "does not balance",
               html_amount(sides.debit, of), html_amount(sides.credit, of)},
              "total");
  };
  for (const auto& [key, sum] : report.accounts) {
    if (currency != nullptr && *currency != key.currency) close(*currency);
    currency = &key.currency;
    const bool untendered = key.account == Account::kTender && key.name.empty();
    table.row({account_name(key.account), untendered ? "no tender given" : std::string_view(key.name),
               sum.debit.is_zero() ? std::string() : html_amount(sum.debit, key.currency),
               sum.credit.is_zero() ? std::string() : html_amount(sum.credit, key.currency)});
  }
  close(*currency);
}

std::string tenders(const std::vector<TenderSum>& list) {
  std::string out;
  for (const TenderSum& tender : list) {
    if (!out.empty()) out += ", ";
    out += tender.type + " " + html_amount(tender.amount, tender.currency);
  }
  return out.empty() ? "-" : out;
}

void add_closes(HtmlPage& page, const Report& report) {
  if (report.till_closes.empty()) return;
  page.element("h3", "Till closes").raw("\n");
  HtmlTable table(page, {"terminal", "day", "close", "counted", "journal", "difference",
                         "#documents said / journal", "#after the close", "agrees"});
  for (const TillCloseReport& close : report.till_closes) {
    const std::string said = close.documents_said ? std::to_string(*close.documents_said) : "-";
    table.row(
        {close.terminal, close.business_day.text(), close.id, tenders(close.counted), tenders(close.journal),
         tenders(close.difference), said + " / " + std::to_string(close.documents_journal),
         std::to_string(close.after_close), close.agrees() ? "yes" : "no"},
        close.agrees() ? "" : "bad");
  }
}

void add_gaps(HtmlPage& page, const Report& report) {
  if (!report.sequence_gaps.empty()) {
    page.element("h3", "Gaps in the terminals' numbers").raw("\n");
    HtmlTable table(page, {"terminal", "#last before the gap", "#first after it", "#numbers missing"});
    for (const SequenceGap& gap : report.sequence_gaps) {
      table.row({gap.terminal, std::to_string(gap.after), std::to_string(gap.before),
                 std::to_string(gap.before - gap.after - 1)},
                "bad");
    }
  }
  if (report.sequence_repeats.empty()) return;
  page.element("h3", "Numbers used more than once").raw("\n");
  HtmlTable table(page, {"terminal", "#number", "documents"});
  for (const SequenceRepeat& repeat : report.sequence_repeats) {
    std::string ids;
    for (const std::string& id : repeat.ids) ids += (ids.empty() ? "" : ", ") + id;
    table.row({repeat.terminal, std::to_string(repeat.number), ids}, "bad");
  }
}

}  // namespace

void add_html_sums(HtmlPage& page, const Report& report) {
  page.element("h2", "Totals").raw("\n");
  for (const RecoveredFact& recovery : report.recoveries) {
    for (const PrunedRange& range : recovery.lost) {
      page.raw("<p class=\"warn\">")
          .text("The journal was damaged: its records " + std::to_string(range.from.value) + " to " +
                std::to_string(range.through.value) + " are lost, and in none of these sums.")
          .raw("</p>\n");
    }
  }
  if (report.documents.empty()) page.note("No documents in the journal for this period.");
  {
    HtmlTable table(page, {"documents", "#count", "#total (gross)"});
    for (const auto& [type, sum] : report.documents)
      table.row({type_name(type), std::to_string(sum.count), html_money(sum.total)});
    for (const auto& [currency, sum] : report.sums.totals)
      table.row({"sales less returns", std::to_string(sum.sales_count + sum.returns_count),
                 html_amount(sum.net(), currency)},
                "total");
  }
  add_trades(page, "By day", "day", "", report.sums.by_day);
  add_trades(page, "By till", "till", "", report.sums.by_terminal);
  add_trades(page, "By tender", "tender", "no tender given", report.sums.by_tender);
  add_taxes(page, report.sums.by_tax);
  add_trial_balance(page, report);
}

void add_html_tills(HtmlPage& page, const Report& report) {
  if (report.till_closes.empty() && report.sequence_gaps.empty() && report.sequence_repeats.empty()) return;
  page.element("h2", "Tills").raw("\n");
  add_closes(page, report);
  add_gaps(page, report);
}

}  // namespace tillsync
