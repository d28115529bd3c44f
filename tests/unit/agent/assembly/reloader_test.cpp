#include "agent/assembly/reloader.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/support/temp_dir.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

const std::string kStore = "[store]\nid = \"0417\"\ncurrency = \"GBP\"\n";
const std::string kErp = "[targets.erp]\nbase_url = \"https://erp.example.com\"\ntoken = \"file:token\"\n";

struct Bench {
  Settings settings(const std::string& text) const {
    auto loaded = parse_settings(text, dir.file("tillsync.toml"));
    for (const auto& mistake : loaded.mistakes) FAIL_CHECK(mistake.text());
    return std::move(loaded.settings);
  }
  Result<NewSettings> read(const std::string& before, const std::string& after) const {
    const Settings running = settings(before);
    return read_new_settings([&] { return Result<Settings>(settings(after)); }, running,
                             named_contents(running));
  }
  TempDir dir;
};

}  // namespace

TEST_CASE("new settings: what changed, and whether deliveries are concerned") {
  const Bench bench;
  const auto same = bench.read(kStore + kErp, kStore + kErp);
  REQUIRE(same.has_value());
  CHECK(same->changed.empty());
  CHECK(!same->changes_works);
  const auto log = bench.read(kStore + kErp, kStore + kErp + "[log]\nlevel = \"debug\"\n");
  REQUIRE(log.has_value());
  CHECK(log->changed == std::vector<std::string>{"log.level"});
  CHECK(!log->changes_works);
  const auto pace = bench.read(kStore + kErp, kStore + kErp + "concurrency = 2\n");
  REQUIRE(pace.has_value());
  CHECK(pace->changes_works);
}

TEST_CASE("new settings: a secret or a connector that changed in its file is a change") {
  const Bench bench;
  std::ofstream(bench.dir.file("token")) << "first\n";
  const Settings running = bench.settings(kStore + kErp);
  const auto contents = named_contents(running);
  const auto read = [&] {
    return read_new_settings([&] { return Result<Settings>(bench.settings(kStore + kErp)); }, running,
                             contents);
  };
  CHECK(read()->changed.empty());
  std::ofstream(bench.dir.file("token")) << "second\n";
  CHECK(read()->changed == std::vector<std::string>{"targets.erp.token"});
  CHECK(read()->changes_works);
  for (const auto& held : contents) CHECK(held.second.find("first") == std::string::npos);  // (I9)
}

TEST_CASE("new settings: those that need a restart are all named, and the file is refused whole") {
  const Bench bench;
  const auto refused = bench.read(kStore,
                                  "[store]\nid = \"0418\"\ncurrency = \"GBP\"\n[journal]\npath = \"j\"\n"
                                  "[ops]\ntcp = \"127.0.0.1:9\"\n" +
                                      kErp);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == "needs-restart");
  CHECK_MESSAGE(refused.error().detail.starts_with("store.id, journal.path, ops.tcp can only change"),
                refused.error().detail);
  // A certificate may be another one, but TLS is not switched on or off.
  const auto tls = bench.read(kStore, kStore + "[ops]\ntls_certificate = \"c\"\ntls_key = \"file:k\"\n");
  REQUIRE(!tls.has_value());
  CHECK(tls.error().code == "needs-restart");
  CHECK(tls.error().detail.starts_with("ops.tls_certificate can only"));
}
