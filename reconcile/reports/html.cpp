#include <string_view>

#include "reconcile/reports/html_page.h"

namespace tillsync {
namespace {

// A4 in print; nothing is fetched, and no script is needed to read it.
constexpr std::string_view kStyle =
    "@page{size:A4;margin:14mm 12mm}*{box-sizing:border-box}"
    "body{font:14px/1.45 system-ui,'Segoe UI',Roboto,'Liberation Sans','DejaVu "
    "Sans',sans-serif;color:#1a1a1a;"
    "max-width:72rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:2px solid #1a1a1a;"
    "padding-bottom:.15rem}h3{font-size:1rem;margin:1.2rem 0 .25rem}h4{font-size:.95rem;margin:.9rem 0 .2rem}"
    "h2,h3,h4{break-after:avoid}"
    "table{border-collapse:collapse;width:100%;margin:.25rem 0 1rem}thead{display:table-header-group}"
    "th,td{text-align:left;vertical-align:top;padding:.22rem .8rem .22rem 0;border-bottom:1px solid #e4e4e4;"
    "overflow-wrap:break-word}th{font-weight:600;border-bottom-color:#999;overflow-wrap:normal}"
    "td:last-child,th:last-child{padding-right:0}"
    "td.n+td:not(.n),th.n+th:not(.n){padding-left:.8rem}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;overflow-wrap:normal}td.n{white-space:"
    "nowrap}"
    "tr.total td{font-weight:600;border-top:1px solid #999}tr.bad td:first-child{border-left:3px solid "
    "#b42318;"
    "padding-left:.5rem}tr{break-inside:avoid}"
    ".verdict{margin:.75rem 0;padding:.6rem .9rem;border-radius:.3rem;border-left:6px solid}"
    ".verdict b{font-size:1.15rem}.verdict ul{margin:.3rem 0 0;padding-left:1.2rem}"
    ".yes{background:#e3f4e6;color:#14532d}.no{background:#fde8e8;color:#7f1d1d}"
    ".quiet{color:#555;margin:.25rem 0}.warn{background:#fff4d6;color:#5c4200;padding:.4rem .8rem}"
    ".mono{font-family:ui-monospace,'Liberation Mono','DejaVu Sans Mono',monospace;font-size:.85em;"
    "overflow-wrap:anywhere}"
    "@media print{body{margin:0;max-width:none;padding:0;font-size:10px}"
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}";

void add_why(HtmlPage& page, std::string_view target, std::size_t count, std::string_view what) {
  if (count == 0) return;
  page.raw("<li>").text(target).raw(": ").text(std::to_string(count)).raw(" ").text(what).raw("</li>\n");
}

/// Why it does not balance, a line a reason.
void add_reasons(HtmlPage& page, const Report& report) {
  page.raw("<ul>\n");
  for (const TargetReport& target : report.targets) {
    const TargetFindings& findings = target.findings;
    add_why(page, target.name, findings.missing.size(), "delivered, and not in central's list");
    add_why(page, target.name, findings.unexpected.size(), "at central, and not to be there");
    add_why(page, target.name, findings.different.size(), "members that differ");
    add_why(page, target.name, findings.quarantined.size(), "refused: a person is needed");
    add_why(page, target.name, findings.pending.size(), "not delivered yet");
    add_why(page, target.name, static_cast<std::size_t>(findings.unconfirmed),
            "delivered after central was last read back");
    if (!target.read_back_is_current)
      page.raw("<li>").text(target.name).raw(": central's list is older than the last delivery</li>\n");
  }
  page.raw("</ul>\n");
}

void add_verdict(HtmlPage& page, const Report& report) {
  if (report.balanced()) {
    page.raw("<div class=\"verdict yes\"><b>Balanced</b><br>Every target has what the journal has, ")
        .raw("document by document.</div>\n");
    return;
  }
  page.raw("<div class=\"verdict no\"><b>Not balanced</b>\n");
  add_reasons(page, report);
  page.raw("</div>\n");
}

void add_proof(HtmlPage& page, const Report& report) {
  page.element("h2", "Proof").raw("\n<p class=\"quiet\">Head of the journal's chain: record ");
  page.text(std::to_string(report.head.sequence.value)).raw("<br><span class=\"mono\">");
  page.text(to_hex(report.head.hash)).raw("</span></p>\n");
  if (report.key_hex.empty()) {
    page.note("This report is not signed.");
    return;
  }
  page.raw("<p class=\"quiet\">Signed with the store's Ed25519 key<br><span class=\"mono\">");
  page.text(report.key_hex).raw("</span><br>The signature is in this file, over all that is shown. ");
  page.raw("To check it: <span class=\"mono\">tillsync report verify FILE --key ");
  page.raw("KEY</span>, with the key that head office was given at installation.</p>\n");
}

}  // namespace

std::string html_head(std::string_view title) {
  HtmlPage page;
  page.raw(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
  page.element("title", title).raw("<style>").raw(kStyle).raw("</style></head><body>\n");
  return page.take();
}

std::string report_html(const Report& report) {
  HtmlPage page;
  const std::string period =
      report.from == report.to ? report.from.text() : report.from.text() + " to " + report.to.text();
  page.raw(html_head("Reconciliation, store " + report.store + ", " + period));
  page.element("h1", "Store " + report.store + ", " + period);
  page.note("Reconciliation, made " + format_utc(report.generated_at));
  add_verdict(page, report);
  add_html_sums(page, report);
  add_html_targets(page, report);
  add_html_people(page, report);
  add_html_tills(page, report);
  add_html_service(page, report);
  add_proof(page, report);
  page.raw("</body></html>\n");
  return page.take();
}

}  // namespace tillsync
