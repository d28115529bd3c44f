// Tills that can only write files: what they drop is in the journal once, whatever happens to the daemon, and
// no file, however bad, does it any harm.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "tests/e2e/store.h"

using namespace tillsync;
using namespace tillsync::testing;
namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds kPatience{120};

struct FileShop {
  FileShop() : store({.more_settings = settings()}) {
    for (const char* name : {"in", "pos"}) fs::create_directory(store.file(name));
    store.start();
  }
  static std::string settings() {
    return "[intake.lines]\nfolder = \"in\"\nformat = \"ndjson\"\nsettle_s = 0\n"
           "[intake.pos]\nfolder = \"pos\"\nformat = \"poslog\"\nsettle_s = 0\n";
  }
  std::string file(const std::string& name) const { return store.file(name); }
  bool there(const std::string& name) const { return fs::exists(file(name)); }
  /// Under another name first, as a till should.
  void drop(const std::string& name, std::string_view content) const {
    std::ofstream(file(name + ".part"), std::ios::binary) << content;
    fs::rename(file(name + ".part"), file(name));
  }
  bool arrives(const std::string& name) const {
    return eventually([&] { return there(name); }, kPatience);
  }
  json::Value reason(const std::string& name) const { return parsed(file_text(file(name + ".reason.json"))); }
  /// A value of the metrics; nothing where there is none of that name.
  std::optional<std::int64_t> metric(const std::string& name) const {
    const auto answer = store.ops("GET", "/metrics");
    if (!answer) return std::nullopt;
    const auto at = answer->body.find("\n" + name + " ");
    if (at == std::string::npos) return std::nullopt;
    return std::stoll(answer->body.substr(at + name.size() + 2));
  }
  std::int64_t sales() const { return metric("tillsync_documents_total{type=\"sale\"}").value_or(0); }

  Store store;
};

std::string pos_transaction(int sequence, const std::string& inside) {
  return fmt::format(
      "<Transaction><RetailStoreID>0417</RetailStoreID><WorkstationID>T1</WorkstationID><SequenceNumber>{}"
      "</SequenceNumber><BusinessDayDate>2026-11-20</BusinessDayDate><EndDateTime>2026-11-20T10:00:00</"
      "EndDateTime>"
      "<RetailTransaction>{}</RetailTransaction></Transaction>",
      sequence, inside);
}
std::string pos_line(const std::string& kind, const std::string& more = {}) {
  return fmt::format(
      "<LineItem><{0}><ItemID>A1</ItemID><ActualSalesUnitPrice>2.50</ActualSalesUnitPrice>"
      "<Quantity>2</Quantity>{1}</{0}></LineItem>",
      kind, more);
}

}  // namespace

TEST_CASE("file intake: killed, and stopped, in mid-file, each document is in the journal once") {
  constexpr int kDocuments = 40'000;
  FileShop shop;
  std::string lines;
  for (int i = 0; i < kDocuments; ++i) lines += simple_sale(fmt::format("F{}", i)) + "\n";
  shop.drop("in/day.ndjson", lines);
  const auto in_mid_file = [&](std::int64_t beyond) {
    REQUIRE(eventually([&] { return shop.sales() > beyond; }, kPatience));
    REQUIRE(shop.there("in/day.ndjson"));
  };
  in_mid_file(0);
  shop.store.kill();
  CHECK(shop.there("in/day.ndjson"));
  shop.store.start();
  const auto before = shop.sales();
  CHECK(before > 0);
  CHECK(before < kDocuments);
  in_mid_file(before);
  CHECK(shop.store.stop() == 0);
  CHECK(shop.there("in/day.ndjson"));
  shop.store.start();
  CHECK(shop.sales() < kDocuments);
  REQUIRE(shop.arrives("in/done/day.ndjson"));
  CHECK_FALSE(shop.there("in/day.ndjson"));
  CHECK(shop.sales() == kDocuments);
  CHECK(shop.store.head() == kDocuments + 1);  // the routes, and each document once
  CHECK(shop.store.document(fmt::format("F{}", kDocuments - 1)).integer_of("sequence") == kDocuments + 1);
  CHECK(shop.store.command({"journal", "verify"}).status == 0);
  CHECK(file_text(shop.file("in/done/day.ndjson")) == lines);
}

TEST_CASE("file intake: a POSLog sale and its return, by file and again by file") {
  FileShop shop;
  const auto link =
      "<TransactionLink><RetailStoreID>0417</RetailStoreID><WorkstationID>T1</WorkstationID>"
      "<SequenceNumber>1</SequenceNumber><BusinessDayDate>2026-11-20</BusinessDayDate></TransactionLink>";
  const auto both = "<POSLog>" + pos_transaction(1, pos_line("Sale")) +
                    pos_transaction(2, pos_line("Return", link)) + "</POSLog>";
  shop.drop("pos/a.xml", both);
  REQUIRE(shop.arrives("pos/done/a.xml"));
  const auto sale = shop.store.document("0417:T1:1:2026-11-20");
  const auto returned = shop.store.document("0417:T1:2:2026-11-20");
  CHECK(sale.integer_of("sequence") + 1 == returned.integer_of("sequence"));
  CHECK(returned.find("document")->find("original")->text_of("id") == "0417:T1:1:2026-11-20");
  const auto head = shop.store.head();
  shop.drop("pos/b.xml", both);
  REQUIRE(shop.arrives("pos/done/b.xml"));
  CHECK(shop.store.head() == head);
  CHECK(shop.metric("tillsync_intake_documents_total{intake=\"pos\",result=\"had_already\"}") == 2);
  CHECK(shop.store.status().find("intakes")->find("pos")->integer_of("files_taken") == 2);
}

TEST_CASE("file intake: a billion laughs and 65 MiB are refused with their reason, and the daemon lives on") {
  FileShop shop;
  std::string laughs = "<!DOCTYPE lolz [<!ENTITY l0 \"lol\">";
  for (int i = 1; i < 10; ++i) {
    laughs += fmt::format("<!ENTITY l{} \"", i);
    for (int j = 0; j < 10; ++j) laughs += fmt::format("&l{};", i - 1);
    laughs += "\">";
  }
  shop.drop("pos/laughs.xml", laughs + "]><POSLog><Transaction>&l9;</Transaction></POSLog>");
  REQUIRE(shop.arrives("pos/rejected/laughs.xml"));
  CHECK(problem_of(shop.reason("pos/rejected/laughs.xml")) == "doctype");
  shop.drop("in/large.ndjson", std::string(65 * 1024 * 1024, '\n'));
  REQUIRE(shop.arrives("in/rejected/large.ndjson"));
  CHECK(problem_of(shop.reason("in/rejected/large.ndjson")) == "too-large");
  CHECK(shop.store.running());
  const auto answer = shop.store.post(simple_sale("AFTER"));
  REQUIRE(answer);
  CHECK(answer->status == 201);
  shop.drop("in/good.ndjson", simple_sale("GOOD"));
  CHECK(shop.arrives("in/done/good.ndjson"));
  CHECK(shop.metric("tillsync_intake_files_total{intake=\"in\",result=\"rejected\"}") == std::nullopt);
  CHECK(shop.metric("tillsync_intake_files_total{intake=\"lines\",result=\"rejected\"}") == 1);
}

TEST_CASE("file intake: what the log says of a file is its name, never what is in it") {
  FileShop shop;
  shop.drop("in/bad.ndjson", simple_sale("SECRET-ID") + "\nSECRET-WORD\n");
  REQUIRE(shop.arrives("in/rejected/bad.ndjson"));
  CHECK(eventually([&] { return shop.store.log().find("intake.file_rejected") != std::string::npos; }));
  CHECK(shop.store.log().find("file=bad.ndjson") != std::string::npos);
  CHECK(shop.store.log().find("SECRET") == std::string::npos);
}

TEST_CASE("file intake: check tells of a folder that is not there, and the daemon waits for it") {
  Store store({.more_settings = FileShop::settings()});
  const auto check = store.command({"check"});
  CHECK(check.status == 0);
  CHECK(check.errors.find("[intake.lines] there is no folder") != std::string::npos);
  store.start();
  CHECK(eventually([&] { return store.log().find("intake.folder_unreachable") != std::string::npos; }));
  CHECK(store.post(simple_sale("A1"))->status == 201);
}
