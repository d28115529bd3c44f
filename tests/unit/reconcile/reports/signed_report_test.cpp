#include "reconcile/reports/signed_report.h"

#include "platform/crypto/sha256.h"
#include "tests/unit/reconcile/world.h"

namespace tillsync {
namespace {

using namespace testing;

const SigningKey& key() {
  static const SigningKey kKey = *SigningKey::from_pem(make_ed25519_pair().private_key);
  return kKey;
}
const SigningKey& other_key() {
  static const SigningKey kKey = *SigningKey::from_pem(make_ed25519_pair().private_key);
  return kKey;
}

/// A day with a finding of each kind, a conflict and a decision.
Report bad_day() {
  ReportWorld world;
  world.traded(sale("S1", "2.50", R"(,"tenders":[{"type":"cash","amount":"2.50"}])"));
  world.journal.deliver(world.journal.add(sale("P1", "1.00")), "erp", DeliveryState::kPending);
  world.journal.deliver(world.journal.add(sale("Q1", "1.00")), "erp", DeliveryState::kQuarantined);
  world.traded(sale("M1", "5.00"));
  world.central.rows.pop_back();
  world.traded(sale("D1", "6.00"));
  world.central.rows.back().total = "6.01";
  world.central.rows.push_back(honest_row(sale("X1", "7.00"), "erp"));
  world.read_back();
  Report report = world.report();
  ReportConflict conflict;
  conflict.id = "K1";
  conflict.kind = "customer-field";
  conflict.decision = "open";
  conflict.explanation = "both changed </script> the city";
  conflict.store = json::Object{{"city", "Leeds"}};
  report.conflicts.push_back(conflict);
  report.decisions.push_back({Sequence{9},
                              {},
                              {DecisionFact::Kind::kRetry, {Sequence{2}, "erp"}, "erp", "why", "Ann", {}, ""},
                              "S1"});
  report.key_hex = to_hex(key().public_key());
  return report;
}

std::string code_of(std::string_view text) {
  const auto checked = check_report(text, {key().public_key()});
  return checked ? (checked->trusted ? "trusted" : "valid") : checked.error().code;
}

/// Another value of the same kind.
json::Value altered(const json::Value& value) {
  if (const auto* text = value.as_string()) return *text + "0";
  if (const auto* number = value.as_number()) return json::Number{number->text + "1"};
  if (const auto* truth = value.as_bool()) return !*truth;
  return "x";
}

/// Calls `visit` with the whole, once with each member or item altered, taken away or added.
void each_change(json::Value& root, json::Value& at, const std::function<void(const json::Value&)>& visit) {
  if (auto* members = at.as_object()) {
    for (std::size_t i = 0; i < members->size(); ++i) {
      each_change(root, (*members)[i].second, visit);
      const json::Object kept = *members;
      members->erase(members->begin() + static_cast<std::ptrdiff_t>(i));
      visit(root);
      *members = kept;
      (*members)[i].first += "x";
      visit(root);
      *members = kept;
    }
    members->emplace_back("added", 1);
    visit(root);
    members->pop_back();
  } else if (auto* items = at.as_array()) {
    for (json::Value& item : *items) each_change(root, item, visit);
    const json::Array kept = *items;
    if (!items->empty()) items->pop_back();
    if (kept.empty()) items->emplace_back("added");
    visit(root);
    *items = kept;
  } else {
    const json::Value kept = at;
    at = altered(kept);
    visit(root);
    at = kept;
  }
}

TEST_CASE("signed report: it verifies, by a key that is trusted, and says whose it is") {
  const std::string text = signed_json_text(report_json(bad_day()), &key());
  const auto checked = check_report(text, {other_key().public_key(), key().public_key()});
  REQUIRE(checked);
  CHECK(checked->trusted);
  CHECK(checked->form == "json");
  CHECK(checked->key_hex == to_hex(key().public_key()));
  CHECK(checked->statement.text_of("store") == "0417");
  CHECK_FALSE(check_report(text, {other_key().public_key()})->trusted);
  CHECK_FALSE(check_report(text, {})->trusted);
}

TEST_CASE("signed report: any one member altered, renamed, removed or added, and it is refused") {
  json::Value report = signed_statement(report_json(bad_day()), key());
  int changes = 0;
  each_change(report, report, [&](const json::Value& changed) {
    ++changes;
    const std::string code = code_of(json::dump(changed));
    if (code == "trusted" || code == "valid") FAIL_CHECK("accepted: " << json::dump(changed));
  });
  CHECK(changes > 400);
  CHECK(code_of(json::dump(report)) == "trusted");
}

TEST_CASE("signed report: how it is laid out does not count; what it says does") {
  const json::Value report = signed_statement(report_json(bad_day()), key());
  json::Object turned = *report.as_object();
  std::reverse(turned.begin(), turned.end());
  CHECK(code_of(" \n" + json::dump(turned) + "\n\n") == "trusted");
  std::string spaced = json::dump(report);
  for (std::size_t at = 0; (at = spaced.find("\",\"", at)) != std::string::npos; at += 4)
    spaced.insert(at + 2, " ");
  CHECK(code_of(spaced) == "trusted");
}

TEST_CASE("signed report: signed again by another key is another's; signed twice is signed once") {
  const json::Value report = signed_statement(report_json(bad_day()), key());
  CHECK(code_of(json::dump(signed_statement(report, other_key()))) == "valid");
  CHECK(json::dump(signed_statement(report, key())) == json::dump(report));
}

TEST_CASE("signed report: the page holds the signed report, and nothing that is read can be changed") {
  const Report report = bad_day();
  const std::string page = signed_html(report_html(report), report_json(report), &key());
  CHECK(code_of(page) == "trusted");
  CHECK(page.find("both changed </script>") == std::string::npos);
  std::string forged = page;
  forged.replace(forged.find("Not balanced"), 12, "Balanced    ");
  CHECK(code_of(forged) == "altered");
  forged = page;
  forged.insert(forged.find("</body>"), "<p>all is well</p>");
  CHECK(code_of(forged) == "altered");
  forged = page;
  forged.replace(forged.rfind("2.50"), 4, "2.51");  // in the machine's part
  CHECK(code_of(forged) == "altered");
  CHECK(code_of(report_html(report)) == "not-signed");
  // The JSON of a page is no report of its own, nor the other way round.
  const auto begin = page.find("tillsync-report\">") + 17;
  CHECK(code_of(page.substr(begin, page.find("</script>", begin) - begin)) == "altered");
}

TEST_CASE("signed report: the last row of the CSV vouches for those before it") {
  const Report report = bad_day();
  const std::string rows = signed_csv(report_csv(report), report_json(report), kReportCsvColumns, &key());
  CHECK(code_of(rows) == "trusted");
  CHECK(check_report(rows, {})->statement.find("head")->integer_of("sequence") == report.head.sequence.value);
  for (std::size_t at = 10; at < rows.size(); at += 37) {
    std::string forged = rows;
    forged[at] = forged[at] == '7' ? '8' : '7';
    const std::string code = code_of(forged);
    CHECK_MESSAGE((code != "trusted" && code != "valid"), "byte ", at);
  }
  std::string longer = rows;
  longer.insert(longer.rfind("\r\nsigned_statement"), "\r\ndocuments,,,,sale,,,,,,,,1,GBP,1.00,,,");
  CHECK(code_of(longer) == "altered");
  CHECK(code_of(rows + "documents,,,,sale,,,,,,,,1,GBP,1.00,,,\r\n") == "altered");
  CHECK(code_of(report_csv(report)) == "not-signed");
}

TEST_CASE("signed report: what is none says so") {
  CHECK(code_of("") == "not-a-report");
  CHECK(code_of("hello") == "not-a-report");
  CHECK(code_of("{}") == "not-a-report");
  CHECK(code_of("{\"store\":") == "not-a-report");
  CHECK(code_of(signed_json_text(report_json(bad_day()), nullptr)) == "not-signed");
  CHECK(code_of(R"({"store":"1","from":"2026-11-23","signature":7})") == "altered");
}

TEST_CASE("public keys: hexadecimal digits or PEM, and a clear word for anything else") {
  const std::string raw = key().public_key();
  CHECK(*public_key_from_text(" " + to_hex(raw) + "\n") == raw);
  CHECK(*public_key_from_text(key().public_pem()) == raw);
  for (const char* wrong : {"", "abc", "00", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"})
    CHECK(public_key_from_text(wrong).error().code == "key");
}

}  // namespace
}  // namespace tillsync
