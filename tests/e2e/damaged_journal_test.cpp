// A damaged journal is never silently used: the daemon says so and serves what can be read; a person
// recovers, and what may have been sent is looked up before it is sent.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>

#include "tests/e2e/shop.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

namespace fs = std::filesystem;
constexpr std::size_t kPage = 4096;

std::string database(const Store& store) {
  return store.journal_folder() + "/journal.db";
}

void run_sql(const Store& store, const char* sql) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(database(store).c_str(), &handle) == SQLITE_OK);
  CHECK(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(handle);
}

void overwrite(const Store& store, std::size_t at, const std::string& bytes) {
  std::fstream file(database(store), std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(at));
  file << bytes;
  REQUIRE(file.flush().good());
}

/// The page with the record of the document `id`: a table leaf, in which the id stands near the start of a
/// live cell. (Pages keep stale bytes of rows that have moved.)
std::size_t page_of(const Store& store, const std::string& id) {
  const auto bytes = file_text(database(store));
  const auto number = [&](std::size_t at) {
    return std::size_t{static_cast<unsigned char>(bytes[at])} << 8 |
           static_cast<unsigned char>(bytes[at + 1]);
  };
  for (auto at = bytes.find(id); at != std::string::npos; at = bytes.find(id, at + 1)) {
    const auto page = at / kPage * kPage;
    if (bytes[page] != 0x0d) continue;
    for (std::size_t cell = 0; cell < number(page + 3); ++cell) {
      const auto start = page + number(page + 8 + 2 * cell);
      if (start < at && at - start < 40) return page;
    }
  }
  FAIL("no page holds " << id);
  return 0;
}

/// A daemon that is not expected to accept.
ChildProcess run_unready(const Store& store, const std::string& log) {
  ProcessOptions process;
  process.argv = {TILLSYNC_PROGRAM, "run", "--config", store.settings_file()};
  process.output_file = store.file(log);
  return ChildProcess(process);
}

std::optional<RawResponse> ask(const Store& store, const char* path) {
  try {
    return store.ops("GET", path);
  } catch (const std::runtime_error&) {
    return std::nullopt;  // nobody listens yet
  }
}

bool is_damaged(const Store& store) {
  const auto answer = ask(store, "/v1/status");
  return answer && answer->status == 200 && parsed(answer->body).find("damaged") != nullptr;
}

void check_damaged_answers(const Store& store) {
  const auto post = store.post(simple_sale("DURING"));
  REQUIRE(post.has_value());
  CHECK(post->status == 503);
  CHECK(problem_of(parsed(post->body)) == "journal-damaged");
  CHECK(post->headers.contains("retry-after"));
  CHECK(store.ops("GET", "/healthz")->status == 200);
  CHECK(store.ops("GET", "/readyz")->status == 503);
  const auto status = store.status();
  CHECK(*status.find("accepting")->as_bool() == false);
  CHECK(status.find("damaged")->text_of("cure").find("journal recover") != std::string_view::npos);
  const auto told = store.command({"status"});
  CHECK(told.status == 0);
  CHECK(told.output.find("the journal is damaged") != std::string::npos);
  CHECK(store.command({"journal", "recover", "--reason", "too early"}).status == 3);
}

void trade(Shop& shop, int documents) {
  std::string body;
  for (int i = 0; i < documents; ++i) body += simple_sale(fmt::format("S-{}", i)) + "\n";
  CHECK(shop.store.post(body, kNdjson)->status == 200);
}

}  // namespace

TEST_CASE(
    "damaged journal: found at the start, told to everyone, recovered, and each document has one effect") {
  Shop shop;
  Store& store = shop.store;
  trade(shop, 400);
  CHECK(store.drain(30) == 0);
  REQUIRE(store.stop() == 0);
  // A page of sold documents is gone; with it the outcomes that lay there.
  overwrite(store, page_of(store, "S-200"), std::string(kPage, '\xa5'));
  CHECK(store.command({"journal", "verify"}).status == 1);
  CHECK(store.command({"check"}).status == 1);

  auto daemon = run_unready(store, "damaged.log");
  REQUIRE(eventually([&] { return is_damaged(store); }, std::chrono::seconds(20)));
  check_damaged_answers(store);
  const auto from = [&] { return store.status().find("damaged")->integer_of("from_sequence"); };
  CHECK(eventually([&] { return from() > 1; }, std::chrono::seconds(20)));
  const auto verified = parsed(store.command({"journal", "verify", "--json"}).output);
  CHECK(verified.integer_of("first_bad") == from());
  CHECK(file_text(store.file("damaged.log")).find("journal.damaged") != std::string::npos);
  // What can be read is served.
  CHECK(store.ops("GET", "/v1/documents/S-1/story")->status == 200);
  CHECK(store.ops("GET", "/v1/journal?after=0&limit=20")->status == 200);
  CHECK(daemon.running());
  daemon.terminate();
  CHECK(daemon.wait(std::chrono::seconds(20)) == 0);

  const auto recovered =
      store.command({"journal", "recover", "--reason", "page lost", "--by", "Ann", "--json"});
  CHECK_MESSAGE(recovered.status == 0, recovered.errors);
  const auto told = parsed(recovered.output);
  CHECK(!told.find("lost")->as_array()->empty());
  CHECK(told.integer_of("documents") > 300);
  CHECK(fs::exists(std::string(told.text_of("aside")) + "/journal.db"));
  const auto verify = store.command({"journal", "verify", "--json"});
  CHECK(verify.status == 0);
  CHECK(verify.errors.find("page lost, by Ann") != std::string::npos);
  CHECK(parsed(verify.output).find("lost")->as_array()->size() == told.find("lost")->as_array()->size());

  store.start();
  CHECK(store.command({"status"}).output.find("were lost in damage") != std::string::npos);
  trade(shop, 400);  // tills post again what they hold: the lost ones come back, under new sequences
  CHECK(store.drain(60) == 0);
  for (const char* target : {"erp", "crm"}) {
    const auto ledger = shop.central.ledger(target);
    CHECK(ledger.integer_of("effects") == 400);  // (I3)
    CHECK(ledger.find("doubles")->as_array()->empty());
  }
  const auto balance = store.settled_report("2026-11-20", "2026-11-20");
  CHECK(balance.exit_status == 0);
  CHECK(!balance.report.find("journal")->find("lost")->as_array()->empty());
}

TEST_CASE("damaged journal: damage that shows while the daemon runs ends in the same state, not in a loop") {
  Store store({});
  store.start();
  std::string body;
  for (int i = 0; i < 6'000; ++i) body += simple_sale(fmt::format("S-{}", i)) + "\n";
  CHECK(store.post(body, kNdjson)->status == 200);
  REQUIRE(store.stop() == 0);
  // Beyond the records that a start looks at; a replay of the document reads it.
  overwrite(store, page_of(store, "S-1500"), std::string(kPage, '\xa5'));
  store.start();
  CHECK(store.post(simple_sale("BEFORE"))->status == 201);
  const auto hit = store.post(simple_sale("S-1500"));
  if (hit) CHECK(hit->status == 503);
  REQUIRE(eventually([&] { return is_damaged(store); }, std::chrono::seconds(20)));
  check_damaged_answers(store);
  CHECK(store.running());
  CHECK(store.stop() == 0);
  CHECK(store.command({"journal", "recover", "--reason", "page lost"}).status == 0);
  store.start();
  CHECK(store.post(simple_sale("BEFORE"))->status == 200);
  CHECK(store.post(simple_sale("S-1500"))->status == 201);  // it was lost, and is posted anew
  CHECK(store.command({"journal", "verify"}).status == 0);
}

TEST_CASE("damaged journal: a read of a worker that meets it, and a read-back, tell the daemon") {
  Shop shop;
  Store& store = shop.store;
  trade(shop, 1'600);  // with their outcomes more than the records that a start looks at
  REQUIRE(store.drain(60) == 0);
  REQUIRE(store.settled_report("2026-11-20", "2026-11-20").exit_status == 0);
  REQUIRE(store.stop() == 0);
  // Not in the page of the routes, which a start reads.
  overwrite(store, page_of(store, "S-40"), std::string(kPage, '\xa5'));
  std::string asked;
  SUBCASE("a document's view") {
    asked = "/v1/documents/S-40";
  }
  SUBCASE("a report") {
    asked = "/v1/reports/reconciliation?business_day=2026-11-20&refresh=false";
  }
  SUBCASE("the read-back by itself") {
    // What was read back is gone, so that the day is read again.
    for (const char* end : {"", "-wal", "-shm"}) fs::remove(store.journal_folder() + "/central.db" + end);
    auto settings = file_text(store.settings_file());
    settings += "\n[reconcile]\nread_back_every_s = 1\n";
    std::ofstream(store.settings_file()) << settings;
  }
  store.start();
  if (!asked.empty()) {
    CHECK(store.post(simple_sale("BEFORE"))->status == 201);
    const bool view = asked.ends_with("S-40");
    const auto answer = view ? store.get(asked) : store.ops("GET", asked);
    REQUIRE(answer.has_value());
    CHECK(answer->status == 503);
  }
  REQUIRE(eventually([&] { return is_damaged(store); }, std::chrono::seconds(20)));
  check_damaged_answers(store);
  CHECK(store.stop() == 0);
}

TEST_CASE("damaged journal: derived tables that differ are found by verify and made anew by recover") {
  Shop shop;
  Store& store = shop.store;
  trade(shop, 20);
  CHECK(store.drain(20) == 0);
  REQUIRE(store.stop() == 0);
  run_sql(store,
          "DELETE FROM delivery WHERE document = 5; UPDATE counter SET value = 99 WHERE name = 'owed:erp'");
  const auto verify = store.command({"journal", "verify", "--json"});
  CHECK(verify.status == 1);
  CHECK(*parsed(verify.output).find("derived_differ")->as_bool());
  CHECK(verify.errors.find("table delivery, 5:") != std::string::npos);
  CHECK(verify.errors.find("journal recover") != std::string::npos);
  CHECK(store.command({"journal", "recover", "--reason", "tables"}).status == 0);
  CHECK(store.command({"journal", "verify"}).status == 0);
  store.start();
  CHECK(store.drain(20) == 0);
  CHECK(shop.central.ledger("erp").integer_of("effects") == 20);
}

TEST_CASE(
    "damaged journal: a file that is none keeps the daemon up, and is told from a journal that is whole") {
  Store store({});
  store.start();
  CHECK(store.post(simple_sale("A"))->status == 201);
  REQUIRE(store.stop() == 0);
  CHECK(store.command({"journal", "recover", "--reason", "none needed"}).output.find("is whole") !=
        std::string::npos);
  std::ofstream(database(store), std::ios::binary) << std::string(8 * kPage, 'x');
  CHECK(store.command({"journal", "recover", "--reason", "hopeless"}).status == 4);
  auto daemon = run_unready(store, "garbage.log");
  REQUIRE(eventually([&] { return is_damaged(store); }, std::chrono::seconds(20)));
  check_damaged_answers(store);
  CHECK(store.ops("GET", "/v1/journal")->status == 503);
  daemon.terminate();
  CHECK(daemon.wait(std::chrono::seconds(20)) == 0);
}
