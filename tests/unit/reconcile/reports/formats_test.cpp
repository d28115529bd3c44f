#include "reconcile/reports/report.h"
#include "tests/unit/reconcile/world.h"

namespace tillsync {
namespace {

using namespace testing;

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A report with hostile text in every place that others fill.
Report hostile() {
  Report report;
  report.store = "=cmd()";
  TargetReport target;
  target.name = "erp";
  Finding finding;
  finding.id = "<script>alert('x')</script>";
  finding.reason = "@SUM(1)\r\nand \"quoted\", too";
  target.findings.unexpected.push_back(finding);
  target.findings.different.push_back({finding, "/total", "-2.50", "+3"});
  target.findings.different.push_back({finding, "/operator", "-2+3", "\t=1"});
  target.findings.journal_total["GBP"] = *Decimal::parse("-2.5", 2);
  report.targets.push_back(target);
  return report;
}

/// RFC 4180, read back.
std::vector<std::vector<std::string>> read_csv(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1, {""});
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c != '"') {
        rows.back().back() += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        rows.back().back() += text[++i];
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      rows.back().emplace_back();
    } else if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
      ++i;
      rows.push_back({""});
    } else {
      rows.back().back() += c;
    }
  }
  rows.pop_back();  // after the last CRLF
  return rows;
}

TEST_CASE("csv: fields are quoted by RFC 4180, every row has the header's width") {
  const auto rows = read_csv(report_csv(hostile()));
  REQUIRE(rows.size() > 3);
  for (const auto& row : rows) CHECK(row.size() == rows[0].size());
  CHECK(rows[0][0] == "record");
  const auto is_unexpected = [](const auto& row) { return row[0] == "unexpected"; };
  const auto unexpected = std::find_if(rows.begin(), rows.end(), is_unexpected);
  REQUIRE(unexpected != rows.end());
  CHECK((*unexpected)[3] == "<script>alert('x')</script>");
}

TEST_CASE("csv: a field that a spreadsheet would run is made text; a negative number stays one") {
  const auto rows = read_csv(report_csv(hostile()));
  std::vector<std::string> fields;
  for (const auto& row : rows) fields.insert(fields.end(), row.begin(), row.end());
  const auto has = [&](const std::string& field) {
    return std::find(fields.begin(), fields.end(), field) != fields.end();
  };
  CHECK(has("'=cmd()"));
  CHECK(has("'@SUM(1)\r\nand \"quoted\", too"));
  CHECK(has("-2.50"));
  CHECK(has("'+3"));
  CHECK(has("'-2+3"));
  CHECK(has("'\t=1"));
  for (const std::string& field : fields) {
    if (!field.empty() && field != "-2.50")
      CHECK(std::string("=+-@\t\r").find(field[0]) == std::string::npos);
  }
}

TEST_CASE("html: all text is escaped; the page stands alone") {
  const std::string page = report_html(hostile());
  CHECK_FALSE(holds(page, "<script"));
  CHECK(holds(page, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"));
  CHECK(holds(page, "&quot;quoted&quot;"));
  CHECK_FALSE(holds(page, "src="));
  CHECK_FALSE(holds(page, "href="));
  CHECK(page.starts_with("<!doctype html>"));
}

TEST_CASE("csv and html: they carry the verdict, the sums and each finding of a real report") {
  ReportWorld world;
  world.traded(sale("S1", "2.50", R"(,"terminal_sequence":1,"tenders":[{"type":"cash","amount":"2.50"}])"));
  world.traded(sale("S2", "1.00", R"(,"terminal_sequence":3)"));
  world.central.rows.pop_back();
  world.traded(document("Z1", R"("type":"till_close","tenders":[{"type":"cash","amount":"2.00"}])"));
  world.read_back();
  const Report report = world.report();
  for (const std::string& text : {report_csv(report), report_html(report)}) {
    for (const char* part : {"3.50", "S2", "Z1", "-0.50", "delivered, but not in central", "cash", "T1"})
      CHECK(holds(text, part));
  }
  CHECK(holds(report_csv(report), "not balanced"));
  CHECK(holds(report_html(report), "Not balanced"));
  CHECK(holds(report_csv(report), "after 1\", before 3") == false);
  CHECK(holds(report_csv(report), "\"after 1, before 3\""));
}

TEST_CASE("csv and html: a conflict with both its sides, and who decided; an open one stands out") {
  Report report;
  report.store = "0417";
  ReportConflict conflict;
  conflict.id = "K1";
  conflict.document = "U1";
  conflict.kind = "customer-field";
  conflict.subject = "C7 /city";
  conflict.policy = "newest";
  conflict.decision = "central";
  conflict.decided_by = "Ann";
  conflict.explanation = "Both changed the city";
  conflict.store = "Leeds";
  conflict.central = json::Object{{"city", "York"}, {"version", 17}};
  report.conflicts.push_back(conflict);
  conflict.decision = "open";
  conflict.decided_by.clear();
  report.conflicts.push_back(conflict);
  report.decisions.push_back(
      {Sequence{9},
       {},
       {DecisionFact::Kind::kRetry, {Sequence{2}, "erp"}, "erp", "SKU was added", "Bea", {}, ""},
       "S1"});
  const std::string page = report_html(report);
  for (const char* part : {"Conflicts (2)", "<td>Both changed the city. Policy: newest</td>",
                           "<td>Leeds</td>", "<td>city York, version 17</td>", "central, by Ann, 1970",
                           "<tr class=\"bad\"><td>customer-field: C7 /city",
                           "<td>Bea</td><td>retry</td><td>S1</td><td>erp</td><td>SKU was added</td>"})
    CHECK_MESSAGE(holds(page, part), part);
  const std::string csv = report_csv(report);
  CHECK(holds(csv, "conflict,,,K1,customer-field,,newest,central,Both changed the city,C7 /city,Leeds,"));
  CHECK(holds(csv, "decision,erp,,,,9,erp,retry,SKU was added,,,,,,,S1,Bea,1970-01-01T00:00:00.000Z\r\n"));
  const json::Value made = report_json(report);
  CHECK(
      json::dump(*made.find("conflicts"))
          .starts_with(
              R"([{"id":"K1","document":"U1","kind":"customer-field","policy":"newest","decision":"central","decided_by":"Ann","at":")"));
}

TEST_CASE("csv and html: what a target cannot list is in sight") {
  ReportWorld world;
  world.central.listed = std::set{DocumentType::kSale};
  world.traded(document("R1", R"("type":"return","lines":[{"sku":"A","quantity":"1","unit_price":"1.25"}])"));
  world.central.rows.clear();
  world.read_back();
  const Report report = world.report();
  CHECK(holds(report_csv(report), "not_listed,erp,,,return,,,,,,,,1,GBP,-1.25,,,\r\n"));
  CHECK(holds(report_html(report),
              "<td>not listed: return</td><td class=\"n\">1</td><td class=\"n\">-1.25 GBP</td>"));
}

}  // namespace
}  // namespace tillsync
