#include <initializer_list>
#include <string_view>

#include "outbox/document/currency.h"
#include "reconcile/reports/report.h"

namespace tillsync {
namespace {

constexpr std::string_view kStyle =
    "body{font:14px/1.45 system-ui,sans-serif;color:#1a1a1a;max-width:72rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid #ccc}"
    "h3{font-size:1rem;margin:1rem 0 .25rem}table{border-collapse:collapse;width:100%;margin:.25rem 0 1rem}"
    "th,td{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0;border-bottom:1px solid #e4e4e4;"
    "overflow-wrap:anywhere}th{font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".verdict{display:inline-block;margin:.75rem 0;padding:.3rem .8rem;border-radius:.3rem;font-weight:600}"
    ".yes{background:#e3f4e6;color:#14532d}.no{background:#fde8e8;color:#7f1d1d}.quiet{color:#666}"
    "@media print{body{margin:0;max-width:none;font-size:11px}tr{break-inside:avoid}}";

class Page {
 public:
  /// Text, escaped for content and for attribute values.
  Page& text(std::string_view raw) {
    for (const char c : raw) {
      switch (c) {
        case '&':
          out_ += "&amp;";
          break;
        case '<':
          out_ += "&lt;";
          break;
        case '>':
          out_ += "&gt;";
          break;
        case '"':
          out_ += "&quot;";
          break;
        case '\'':
          out_ += "&#39;";
          break;
        default:
          out_ += c;
      }
    }
    return *this;
  }
  Page& raw(std::string_view markup) {
    out_ += markup;
    return *this;
  }
  Page& element(std::string_view name, std::string_view content) {
    return raw("<").raw(name).raw(">").text(content).raw("</").raw(name).raw(">");
  }
  Page& head_row(std::initializer_list<std::string_view> cells) {
    raw("<tr>");
    for (const std::string_view cell : cells) element("th", cell);
    return raw("</tr>\n");
  }
  Page& row(std::initializer_list<std::string_view> cells) {
    raw("<tr>");
    for (const std::string_view cell : cells) element("td", cell);
    return raw("</tr>\n");
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

std::string amount_text(const Decimal& amount, const std::string& currency) {
  return amount.text(currency_decimals(currency).value_or(2)) + " " + currency;
}

std::string money(const Totals& totals) {
  std::string out;
  for (const auto& [currency, amount] : totals) {
    if (!out.empty()) out += ", ";
    out += amount_text(amount, currency);
  }
  return out.empty() ? "-" : out;
}

std::string tenders(const std::vector<TenderSum>& list) {
  std::string out;
  for (const TenderSum& tender : list) {
    if (!out.empty()) out += ", ";
    out += tender.type + " " + amount_text(tender.amount, tender.currency);
  }
  return out.empty() ? "-" : out;
}

std::string plain(const json::Value& value) {
  if (value.is_null()) return "-";
  return value.as_string() != nullptr ? *value.as_string() : json::dump(value);
}

std::string type_of(const Finding& finding) {
  return finding.type ? std::string(type_name(*finding.type)) : "";
}

std::string sequence_of(const Finding& finding) {
  return finding.sequence ? std::to_string(finding.sequence->value) : "";
}

void add_lost(Page& page, const Report& report) {
  for (const RecoveredFact& recovery : report.recoveries) {
    for (const PrunedRange& range : recovery.lost) {
      page.element("p", "The journal was damaged: its records " + std::to_string(range.from.value) + " to " +
                            std::to_string(range.through.value) + " are lost, and in none of these sums.");
    }
  }
}

void add_journal(Page& page, const Report& report) {
  add_lost(page, report);
  page.raw("<h2>Journal</h2>\n<table>").head_row({"documents", "count", "total (gross)"});
  for (const auto& [type, sum] : report.documents) {
    page.row({type_name(type), std::to_string(sum.count), money(sum.total)});
  }
  page.raw("</table>\n<p class=\"quiet\">Head: record ").text(std::to_string(report.head.sequence.value));
  page.raw(", ").text(to_hex(report.head.hash)).raw("</p>\n");
  if (!report.sequence_gaps.empty()) {
    page.raw("<h3>Gaps in the terminals' numbers</h3>\n<table>").head_row({"terminal", "after", "before"});
    for (const SequenceGap& gap : report.sequence_gaps) {
      page.row({gap.terminal, std::to_string(gap.after), std::to_string(gap.before)});
    }
    page.raw("</table>\n");
  }
  if (!report.sequence_repeats.empty()) {
    page.raw("<h3>Numbers used more than once</h3>\n<table>").head_row({"terminal", "number", "documents"});
    for (const SequenceRepeat& repeat : report.sequence_repeats) {
      std::string ids;
      for (const std::string& id : repeat.ids) ids += (ids.empty() ? "" : ", ") + id;
      page.row({repeat.terminal, std::to_string(repeat.number), ids});
    }
    page.raw("</table>\n");
  }
}

void add_closes(Page& page, const Report& report) {
  if (report.till_closes.empty()) return;
  page.raw("<h2>Till closes</h2>\n<table>");
  page.head_row(
      {"terminal", "day", "close", "counted", "journal", "difference", "documents said / journal", "agrees"});
  for (const TillCloseReport& close : report.till_closes) {
    const std::string said = close.documents_said ? std::to_string(*close.documents_said) : "-";
    page.row({close.terminal, close.business_day.text(), close.id, tenders(close.counted),
              tenders(close.journal), tenders(close.difference),
              said + " / " + std::to_string(close.documents_journal), close.agrees() ? "yes" : "no"});
  }
  page.raw("</table>\n");
}

void add_findings(Page& page, std::string_view title, const std::vector<Finding>& list) {
  if (list.empty()) return;
  page.raw("<h3>").text(title).raw(" (").text(std::to_string(list.size())).raw(")</h3>\n<table>");
  page.head_row({"document", "type", "sequence", "step", "state", "reason"});
  for (const Finding& finding : list) {
    page.row({finding.id, type_of(finding), sequence_of(finding), finding.step,
              finding.state ? state_name(*finding.state) : std::string_view(), finding.reason});
  }
  page.raw("</table>\n");
}

void add_different(Page& page, const std::vector<DifferentMember>& list) {
  if (list.empty()) return;
  page.raw("<h3>Different (").text(std::to_string(list.size())).raw(")</h3>\n<table>");
  page.head_row({"document", "type", "sequence", "step", "member", "journal", "central", "note"});
  for (const DifferentMember& one : list) {
    page.row({one.document.id, type_of(one.document), sequence_of(one.document), one.document.step,
              one.member, plain(one.journal), plain(one.central), one.document.reason});
  }
  page.raw("</table>\n");
}

void add_target(Page& page, const TargetReport& target) {
  const TargetFindings& findings = target.findings;
  page.element("h2", target.name).raw("\n<p class=\"quiet\">");
  page.text(target.read_back_at ? "Read back " + format_utc(*target.read_back_at)
                                : "Not read back for all its days");
  page.text(target.read_back_is_current ? "" : "; deliveries came after that").raw("</p>\n<table>");
  page.head_row({"", "count", "total (net)"});
  page.row({"journal", std::to_string(findings.journal_count), money(findings.journal_total)});
  page.row({"central", std::to_string(findings.central_count), money(findings.central_total)});
  page.row({"matched", std::to_string(findings.matched), ""});
  if (findings.unconfirmed > 0) page.row({"not confirmed yet", std::to_string(findings.unconfirmed), ""});
  for (const auto& [type, sum] : findings.not_listed) {
    page.row({"not listed: " + std::string(type_name(type)), std::to_string(sum.count), money(sum.total)});
  }
  page.raw("</table>\n");
  if (!findings.not_listed.empty()) {
    page.raw(
        "<p class=\"quiet\">Not listed: the target took them, and has no list to compare them with.</p>\n");
  }
  add_findings(page, "Missing at central", findings.missing);
  add_findings(page, "Unexpected at central", findings.unexpected);
  add_different(page, findings.different);
  add_findings(page, "Quarantined", findings.quarantined);
  add_findings(page, "Pending", findings.pending);
  add_findings(page, "Discarded", findings.discarded);
}

}  // namespace

std::string report_html(const Report& report) {
  Page page;
  page.raw(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
  const std::string period =
      report.from == report.to ? report.from.text() : report.from.text() + " to " + report.to.text();
  page.element("title", "Reconciliation, store " + report.store + ", " + period);
  page.raw("<style>").raw(kStyle).raw("</style></head><body>\n");
  page.element("h1", "Store " + report.store + ", " + period);
  page.raw(report.balanced() ? "<p class=\"verdict yes\">Balanced</p>"
                             : "<p class=\"verdict no\">Not balanced</p>");
  page.raw("<p class=\"quiet\">Made ").text(format_utc(report.generated_at)).raw("</p>\n");
  add_journal(page, report);
  add_closes(page, report);
  for (const TargetReport& target : report.targets) add_target(page, target);
  page.raw("</body></html>\n");
  return page.take();
}

}  // namespace tillsync
