// What monitoring is told to look at is there: every metric that an alert or the guide names is served by a
// daemon that has something to tell of it.
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "tests/e2e/certificates.h"
#include "tests/e2e/shop.h"

using namespace tillsync;
using namespace tillsync::testing;
namespace fs = std::filesystem;

namespace {

/// Names in a text, without the suffixes of a histogram's series; "tillsync_*" alone is none.
std::set<std::string> metrics_named(const std::string& text) {
  static const std::regex kName("\\btillsync_[a-z_]*[a-z]\\b");
  static const std::regex kSuffix("_(bucket|sum|count)$");
  std::set<std::string> names;
  for (std::sregex_iterator each(text.begin(), text.end(), kName), end; each != end; ++each)
    names.insert(std::regex_replace(each->str(), kSuffix, ""));
  return names;
}

/// Names with a value, not only with a type.
std::set<std::string> metrics_served(const std::string& exposition) {
  std::string values;
  for (std::size_t begin = 0, end; (end = exposition.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    if (exposition[begin] != '#') values += exposition.substr(begin, end - begin + 1);
  }
  return metrics_named(values);
}

}  // namespace

TEST_CASE("monitoring: every metric that the alerts and the guide name is served") {
  const std::string root = TILLSYNC_SOURCE_DIR;
  std::set<std::string> named = metrics_named(file_text(root + "/packaging/prometheus/tillsync.rules.yml"));
  CHECK(named.size() > 15);
  for (const auto& page : fs::directory_iterator(root + "/packaging/docs"))
    named.merge(metrics_named(file_text(page.path().string())));

  const TempDir folder;
  Certificates certificates(folder.file("pki"));
  certificates.issue("server", "till.example", 300);
  fs::create_directory(folder.file("in"));
  Shop shop({.central_view = "fetch_every_s = 1\n",
             .till_lines = fmt::format("tls_certificate = \"{0}.pem\"\ntls_key = \"file:{0}.key\"\n",
                                       certificates.file("server")),
             .more_settings = fmt::format("[intake.tills]\nfolder = \"{}\"\nformat = \"ndjson\"\n"
                                          "[slo]\noldest_sale_s = 600\n"
                                          "[conflicts]\nreturn_unknown_sale = \"hold\"\n",
                                          folder.file("in"))});
  auto& store = shop.store;
  shop.central.facts("erp", R"([{"path":"/prices/A1","value":{"sku":"A1","price":"2.50"}}])");
  CHECK(store.post(simple_sale("S1"))->status == 201);
  CHECK(store
            .post(R"({"id":"R1","type":"return","terminal":"T1","occurred_at":"2026-11-20T10:00:00Z",)"
                  R"("lines":[{"sku":"A1","quantity":1,"unit_price":"2.50"}],)"
                  R"("original":{"id":"S9","store":"0099"}})")
            ->status == 201);
  std::set<std::string> missing;
  CHECK(eventually(
      [&] {
        missing.clear();
        const auto served = metrics_served(store.ops("GET", "/metrics")->body);
        std::set_difference(named.begin(), named.end(), served.begin(), served.end(),
                            std::inserter(missing, missing.end()));
        return missing.empty();
      },
      std::chrono::seconds(30)));
  for (const auto& name : missing) FAIL_CHECK("named and not served: " << name);
}

TEST_CASE("monitoring: a target's state, and how long ago its list was read back whole") {
  Shop shop({.targets = {"erp"}, .more_settings = "[reconcile]\nread_back_every_s = 2\n"});
  auto& store = shop.store;
  const auto metric = [&](const std::string& name) {
    const auto text = store.ops("GET", "/metrics")->body;
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1.0 : std::stod(text.substr(at + name.size() + 2));
  };
  CHECK(metric("tillsync_target_state{target=\"erp\",state=\"up\"}") == 1);
  CHECK(metric("tillsync_target_state{target=\"erp\",state=\"paused\"}") == 0);
  CHECK(metric("tillsync_journal_damaged") == 0);
  REQUIRE(store.ops("POST", "/v1/targets/erp/pause", R"({"reason":"a test","by":"anna"})", kJson)->status ==
          200);
  CHECK(eventually([&] { return metric("tillsync_target_state{target=\"erp\",state=\"paused\"}") == 1; }));
  REQUIRE(store.ops("POST", "/v1/targets/erp/resume", R"({"reason":"a test","by":"anna"})", kJson)->status ==
          200);

  // It grows, and begins anew with each round.
  const std::string age = "tillsync_read_back_age_seconds{target=\"erp\"}";
  for (int round = 0; round < 2; ++round) {
    CHECK(eventually([&] { return metric(age) > 1; }));
    CHECK(eventually([&] { return metric(age) < 0.7; }));
  }
}
