// A store that is brought to this version: the journal that an older one wrote goes on where it stood. And
// the way back: what a newer version wrote is refused, and not touched. tests/upgrade/make_fixture.sh tells
// how the journals came to be.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "platform/crypto/sha256.h"
#include "tests/e2e/shop.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

const std::string kFixtures = TILLSYNC_SOURCE_DIR "/tests/upgrade";
constexpr std::chrono::seconds kUnpackPatience{60};

constexpr const char* kRoutes =
    "sale = [\"erp\", \"crm\"]\nreturn = [\"erp\", \"crm\"]\nstock_adjustment = [\"erp\"]\nstock_count = "
    "[\"erp\"]\n"
    "stock_transfer = [\"erp\"]\ncustomer_update = [\"crm\"]\ntill_close = [\"erp\"]\n";

/// A journal that an older version left behind, unpacked.
class Fixture {
 public:
  explicit Fixture(const std::string& version) : folder_(kFixtures + "/journal-" + version) {
    ProcessOptions tar;
    tar.argv = {"/bin/tar",        "-C",   dir_.path().string(),
                "--no-same-owner", "-xJf", folder_ + "/fixture.tar.xz"};
    const auto unpacked = run_program(tar, kUnpackPatience);
    if (unpacked.status != 0) throw std::runtime_error("the fixture cannot be unpacked: " + unpacked.errors);
    expected_ = json::parse(file_text(folder_ + "/expected.json")).value();
    documents_ = ndjson(file_text(dir_.file("documents.ndjson")));
    central_ = ndjson(file_text(dir_.file("central.ndjson")));
  }

  const json::Value& expected() const { return expected_; }
  std::string text(std::string_view member) const { return std::string(expected_.text_of(member)); }
  const std::vector<json::Value>& documents() const { return documents_; }
  const std::vector<json::Value>& central() const { return central_; }
  /// Copies the journal's folder `state` ("killed", "stopped") to `to`.
  void copy(const std::string& state, const std::string& to) const {
    std::filesystem::copy(dir_.path() / state, to, std::filesystem::copy_options::recursive);
  }

 private:
  const std::string folder_;
  TempDir dir_;
  json::Value expected_;
  std::vector<json::Value> documents_, central_;
};

/// Gives a fresh central what the old one had: central outlives the store's upgrade.
void preload(CentralProcess& central, const Fixture& fixture) {
  for (const auto& effect : fixture.central()) {
    const std::string target(effect.text_of("target"));
    const std::string key =
        std::string(effect.text_of("reference")) + ":" + std::string(effect.text_of("step"));
    const std::string body = json::dump(json::Object{{"reference", effect.text_of("reference")},
                                                     {"step", effect.text_of("step")},
                                                     {"store", "0417"},
                                                     {"sequence", effect.integer_of("sequence")},
                                                     {"document", *effect.find("document")}});
    const auto taken = raw_exchange(central.port(), "POST", "/" + target + "/documents", body,
                                    std::string(kJson) + "Idempotency-Key: " + key + "\r\n");
    REQUIRE(taken.has_value());
    REQUIRE(taken->status == 201);
  }
}

/// A store at this version's start, on the old journal, with a central that has what it had.
struct UpgradedShop {
  UpgradedShop(const Fixture& fixture, const std::string& state)
      : central(CENTRAL_PROGRAM, dir.path().string()), store(options()) {
    preload(central, fixture);
    fixture.copy(state, store.journal_folder());
  }
  StoreOptions options() const {
    StoreOptions made;
    made.central = fmt::format("http://127.0.0.1:{}", central.port());
    made.routes = kRoutes;
    return made;
  }
  std::int64_t counter(const std::string& target, const std::string& name) {
    return central.counters(target).integer_of(name);
  }

  TempDir dir;
  CentralProcess central;
  Store store;
};

/// What each target has to have in the end: every document that was planned to it, but what a person
/// discarded.
std::set<std::string> references_of(const Fixture& fixture, const std::string& target) {
  std::set<std::string> references;
  for (const auto& document : fixture.documents()) {
    for (const auto& delivery : *document.find("deliveries")->as_array()) {
      if (delivery.text_of("target") == target && delivery.text_of("state") != "discarded")
        references.insert("0417/" + std::string(document.text_of("id")));
    }
  }
  return references;
}

/// Nothing that the old version knew has changed: identity, sequence, and what is settled.
void check_known(const Store& store, const Fixture& fixture) {
  for (const auto& known : fixture.documents()) {
    const std::string id(known.text_of("id"));
    CAPTURE(id);
    const auto now = store.document(id);
    CHECK(now.integer_of("sequence") == known.integer_of("sequence"));
    if (known.text_of("status") != "journaled") CHECK(now.text_of("status") == known.text_of("status"));
    const auto& before = *known.find("deliveries")->as_array();
    const auto& after = *now.find("deliveries")->as_array();
    REQUIRE(after.size() == before.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      CHECK(after[i].text_of("target") == before[i].text_of("target"));
      if (before[i].text_of("state") != "delivered") continue;
      CHECK(after[i].text_of("state") == "delivered");
      CHECK(after[i].text_of("central_reference") == before[i].text_of("central_reference"));
    }
  }
}

/// Posts what is there already: a till that was cut off by the upgrade repeats itself.
void check_replays(const Store& store, const Fixture& fixture) {
  const auto& keyed = *fixture.expected().find("keyed");
  const std::string key = "Idempotency-Key: \"" + std::string(keyed.text_of("key")) + "\"\r\n";
  for (const auto& known : fixture.documents()) {
    const std::string id(known.text_of("id"));
    CAPTURE(id);
    const auto again =
        store.post(json::dump(*known.find("document")), kJson + (id == keyed.text_of("id") ? key : ""));
    REQUIRE(again.has_value());
    CHECK(again->status == 200);
    CHECK(parsed(again->body).integer_of("sequence") == known.integer_of("sequence"));
  }
  const auto reused = store.post(simple_sale("NEW-1"), kJson + key);
  REQUIRE(reused.has_value());
  CHECK(reused->status == 422);
  CHECK(problem_of(parsed(reused->body)) == "id-reused");
}

void check_effects(UpgradedShop& shop, const Fixture& fixture, const std::string& target) {
  CAPTURE(target);
  CHECK(shop.central.ledger(target).find("doubles")->as_array()->empty());
  std::map<std::string, std::size_t> place;
  const auto effects = shop.central.effects(target);
  for (const auto& effect : *effects.find("effects")->as_array())
    place.emplace(effect.text_of("reference"), place.size());
  std::set<std::string> references;
  for (const auto& [reference, at] : place) references.insert(reference);
  CHECK((references == references_of(fixture, target)));
  std::size_t returns = 0;
  for (const auto& known : fixture.documents()) {
    const auto* original = known.find("document")->find("original");
    const auto reference = "0417/" + std::string(known.text_of("id"));
    if (original == nullptr || place.count(reference) == 0) continue;
    const auto sale = place.find("0417/" + std::string(original->text_of("id")));
    if (sale == place.end()) continue;
    CAPTURE(reference);
    CHECK(sale->second < place.at(reference));
    ++returns;
  }
  CHECK(returns > 0);
}

/// The chain holds from the first record to now, and goes through the head that the old version left (I7).
void check_chain(const Store& store, const json::Value& old_head) {
  const auto verified = store.command({"journal", "verify", "--json"});
  CHECK(verified.status == 0);
  CHECK(*parsed(verified.output).find("whole")->as_bool());
  const auto sequence = old_head.integer_of("sequence");
  const auto exported = store.command({"journal", "export", "--after", std::to_string(sequence - 1)});
  REQUIRE(exported.status == 0);
  const auto record = ndjson(exported.output).at(0);
  CHECK(record.integer_of("sequence") == sequence);
  CHECK(record.text_of("hash") == old_head.text_of("hash"));
}

void check_story(const Store& store, const std::string& id, const std::vector<std::string>& words) {
  CAPTURE(id);
  const auto told = store.command({"explain", id});
  CHECK(told.status == 0);
  for (const auto& word : words) {
    CAPTURE(word);
    CHECK_MESSAGE(told.output.find(word) != std::string::npos, told.output);
  }
}

/// What persons decided before still stands; then they decide the rest.
void decide_the_rest(const Store& store, const Fixture& fixture) {
  const auto listed = parsed(store.command({"quarantine", "list", "--json"}).output);
  std::set<std::string> ids;
  std::vector<std::string> retry{"quarantine", "retry", "--reason", "the article is known now",
                                 "--by",       "ann"};
  for (const auto& entry : *listed.find("quarantine")->as_array()) {
    ids.emplace(entry.text_of("document"));
    retry.emplace_back(entry.text_of("delivery"));
  }
  std::set<std::string> expected;
  for (const auto& id : *fixture.expected().find("quarantined")->as_array()) expected.insert(*id.as_string());
  CHECK((ids == expected));
  const auto status = store.status();
  const auto* paused = status.find("targets")->find(fixture.text("paused"));
  REQUIRE(paused != nullptr);
  CHECK(paused->text_of("state") == "paused");
  CHECK(store.command(retry).status == 0);
  const auto resumed = store.ops("POST", "/v1/targets/" + fixture.text("paused") + "/resume");
  REQUIRE(resumed.has_value());
  CHECK(resumed->status == 200);
}

/// Names, sizes and bytes of all that is in a folder.
std::map<std::string, std::string> fingerprint(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const auto name = std::filesystem::relative(entry.path(), folder).string();
    files[name] = entry.is_regular_file() ? to_hex(sha256(file_text(entry.path().string()))) : "";
  }
  return files;
}

void execute(const std::string& database_file, const std::string& sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(database_file.c_str(), &database) == SQLITE_OK);
  const int done = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
  CHECK(sqlite3_close(database) == SQLITE_OK);
  REQUIRE(done == SQLITE_OK);
}

}  // namespace

TEST_CASE(
    "upgrade: version 0.1.0's journal drains to its end, once each, in order, with all that was decided") {
  const Fixture fixture("v0.1.0");
  std::string state;
  SUBCASE("killed: much of it in the write-ahead log") {
    state = "killed";
  }
  SUBCASE("stopped cleanly") {
    state = "stopped";
  }
  CAPTURE(state);
  UpgradedShop shop(fixture, state);
  std::map<std::string, std::int64_t> preloaded;
  for (const std::string target : {"erp", "crm"}) preloaded[target] = shop.counter(target, "new");

  const auto checked = shop.store.command({"check"});
  CHECK(checked.status == 0);
  CHECK(checked.output.find("older version; the daemon brings it up to date") != std::string::npos);
  shop.store.start();
  CHECK(shop.store.command({"journal", "settled"}).status == 1);
  check_known(shop.store, fixture);
  check_replays(shop.store, fixture);
  decide_the_rest(shop.store, fixture);
  REQUIRE(shop.store.drain(120) == 0);
  CHECK(shop.store.command({"journal", "settled"}).status == 0);

  for (const std::string target : {"erp", "crm"}) {
    check_effects(shop, fixture, target);
    // Nothing that central had was sent again, not even to be recognised: it was settled, or looked up (I3).
    CHECK(shop.counter(target, "known") == 0);
    CHECK(shop.counter(target, "new") == static_cast<std::int64_t>(references_of(fixture, target).size()));
    CHECK(shop.counter(target, "new") > preloaded[target]);
  }
  const auto* heads = fixture.expected().find("head");
  check_chain(shop.store, *heads->find(state));
  const auto day = fixture.text("business_day");
  const auto balance = shop.store.settled_report(day, day);
  CHECK_MESSAGE(balance.exit_status == 0, json::dump(balance.report));
  check_story(shop.store, fixture.text("amended"), {"amend", "operator corrected", "ann", "delivered"});
  check_story(shop.store, fixture.text("discarded"), {"discard", "entered twice by hand", "ann"});
  check_story(shop.store, fixture.text("unknown"), {"unknown", "delivered"});
  CHECK(shop.store.stop() == 0);
}

TEST_CASE(
    "upgrade: a journal that a newer version wrote is refused by every command, and no byte of its folder "
    "changes") {
  const Fixture fixture("v0.1.0");
  StoreOptions options;
  options.routes = kRoutes;
  options.central = "http://127.0.0.1:9";  // never asked
  const Store store(options);
  const std::string folder = store.journal_folder();
  fixture.copy("stopped", folder);
  execute(folder + "/journal.db", "PRAGMA user_version = 999");
  const auto before = fingerprint(folder);
  REQUIRE(before.count("journal.db") == 1);

  const std::string backup = store.file("backup");
  const std::vector<std::pair<std::vector<std::string>, int>> commands = {
      {{"run"}, 2},
      {{"check"}, 4},
      {{"journal", "verify"}, 4},
      {{"journal", "export"}, 4},
      {{"journal", "backup", backup}, 4},
      {{"explain", fixture.text("unknown")}, 4}};
  for (const auto& item : commands) {
    const auto& arguments = item.first;
    const auto& status = item.second;
    CAPTURE(fmt::format("{}", fmt::join(arguments, " ")));
    const auto refused = store.command(arguments);
    CHECK(refused.status == status);
    CHECK(refused.errors.find("the journal has schema 999") != std::string::npos);
    CHECK(refused.errors.find("it was left untouched") != std::string::npos);
    CHECK(refused.output.find("schema 999") == std::string::npos);
    CHECK((fingerprint(folder) == before));
    CHECK(!std::filesystem::exists(backup));
  }
  // The version that wrote it finds all as it was.
  execute(folder + "/journal.db", "PRAGMA user_version = 1");
  Store again(options);
  std::filesystem::copy(folder, again.journal_folder(), std::filesystem::copy_options::recursive);
  again.start();
  CHECK(again.head() >= fixture.expected().find("head")->find("stopped")->integer_of("sequence"));
  CHECK(again.stop() == 0);
}
