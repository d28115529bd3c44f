// The journal as evidence: exported, copied while the store trades, tampered with; and the command line's
// exit statuses around it.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>

#include "platform/crypto/sha256.h"
#include "tests/e2e/shop.h"
#include "tests/e2e/trading.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

namespace fs = std::filesystem;

std::string from_base64(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned held = 0, bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    const auto value = kAlphabet.find(c);
    REQUIRE(value != std::string_view::npos);
    held = held << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(held >> bits & 0xff);
  }
  return bytes;
}

std::string big_endian(std::uint64_t value) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> (56 - 8 * i));
  return bytes;
}

/// The chain's next hash by the rule as it is written down, from an exported record.
std::string next_hash(const std::string& previous, const json::Value& record) {
  static const std::map<std::string, int, std::less<>> kKinds{
      {"document", 1}, {"outcome", 2}, {"decision", 3},  {"routes", 4},
      {"pruned", 5},   {"look_up", 6}, {"recovered", 7}, {"imported", 8}};
  const auto number = [&](const char* name) {
    return big_endian(static_cast<std::uint64_t>(record.integer_of(name)));
  };
  const int kind = kKinds.at(std::string(record.text_of("kind")));
  return std::string(
      as_bytes(sha256(previous + number("sequence") + big_endian(static_cast<std::uint64_t>(kind)) +
                      number("recorded_at_us") + number("document") + from_base64(record.text_of("body")))));
}

class Tampered {
 public:
  Tampered(const Store& store, const std::string& name) : folder_(store.file(name)) {
    fs::copy(store.journal_folder(), folder_, fs::copy_options::recursive);
    REQUIRE(sqlite3_open((folder_ + "/journal.db").c_str(), &database_) == SQLITE_OK);
  }
  ~Tampered() { sqlite3_close(database_); }
  Tampered(const Tampered&) = delete;
  Tampered& operator=(const Tampered&) = delete;

  void run(const std::string& sql) {
    char* error = nullptr;
    const int status = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, &error);
    INFO((error == nullptr ? "" : error));
    REQUIRE(status == SQLITE_OK);
    REQUIRE(sqlite3_total_changes(database_) > 0);
  }
  const std::string& folder() const { return folder_; }

 private:
  const std::string folder_;
  sqlite3* database_ = nullptr;
};

void check_broken_at(const Store& store, const Tampered& journal, std::int64_t sequence) {
  const auto run = store.command({"journal", "verify", "--journal", journal.folder(), "--json"});
  CHECK(run.status == 1);
  CHECK(parsed(run.output).integer_of("first_bad") == sequence);
  CHECK(run.errors.find("sequence " + std::to_string(sequence) + ":") != std::string::npos);
}

/// Some of everything: documents, outcomes, a decision.
void trade(Shop& shop) {
  shop.central.faults("erp", R"({"poison":["S-3"]})");
  for (int i = 1; i <= 10; ++i) CHECK(shop.store.post(simple_sale(fmt::format("S-{}", i)))->status == 201);
  CHECK(shop.settles("S-3", "quarantined"));
  const std::string delivery(shop.quarantined().text_of("delivery"));
  CHECK(
      shop.store.command({"quarantine", "discard", delivery, "--reason", "by hand", "--by", "Ann"}).status ==
      0);
  CHECK(shop.store.drain(20) == 0);
}

}  // namespace

TEST_CASE("journal export: the chain can be recomputed from what is exported, by the rule alone") {
  Shop shop;
  trade(shop);
  Store& store = shop.store;
  const auto exported = store.command({"journal", "export"});
  REQUIRE(exported.status == 0);
  const auto records = ndjson(exported.output);
  std::string hash(32, '\0');
  std::int64_t sequence = 0;
  std::map<std::string, int> kinds;
  for (const auto& record : records) {
    CHECK(record.integer_of("sequence") == ++sequence);
    hash = next_hash(hash, record);
    CHECK(record.text_of("hash") == to_hex(hash));
    ++kinds[std::string(record.text_of("kind"))];
  }
  CHECK(kinds["document"] == 10);
  CHECK(kinds["outcome"] >= 20);
  CHECK(kinds["decision"] == 1);
  CHECK(kinds["routes"] >= 1);
  const auto head = parsed(store.command({"journal", "verify", "--json"}).output);
  CHECK(head.find("head")->text_of("hash") == to_hex(hash));
  CHECK(head.find("head")->integer_of("sequence") == sequence);

  // The ops API's pages are the same lines.
  const auto first = store.ops("GET", "/v1/journal?after=0&limit=7");
  const auto rest = store.ops("GET", "/v1/journal?after=7&limit=1000");
  CHECK(first->headers.at("content-type") == "application/x-ndjson");
  CHECK(first->body + rest->body == exported.output);
  CHECK(store.ops("GET", "/v1/journal?after=x")->status == 400);
}

TEST_CASE("journal backup: taken while tills post, whole, and refused where one is already") {
  Store store({});
  store.start();
  const auto day = make_trading_day({.seed = 5, .documents = 4'000, .tills = 4, .day = day_of("2026-11-20")});
  std::vector<std::unique_ptr<Till>> tills;
  for (const auto& till : day) tills.push_back(std::make_unique<Till>(store, bodies_of(till), 10));
  std::atomic<bool> complete{false};
  std::thread posting([&] { complete = post_at_once(tills); });
  const bool under_way = eventually([&] { return store.head() > 300; });
  const auto backup = store.command({"journal", "backup", store.file("copy"), "--json"});
  posting.join();
  CHECK(under_way);
  CHECK(complete);
  CHECK_MESSAGE(backup.status == 0, backup.errors);
  const auto verified = store.command({"journal", "verify", "--journal", store.file("copy"), "--json"});
  CHECK(verified.status == 0);
  const auto copied = parsed(verified.output).find("head")->integer_of("sequence");
  CHECK(copied > 300);
  CHECK(copied <= store.head());
  CHECK(store.command({"journal", "backup", store.file("copy")}).status == 2);
}

TEST_CASE("journal verify: a changed, removed or reordered record is found, and named") {
  Shop shop;
  trade(shop);
  Store& store = shop.store;
  const std::int64_t last = store.head();
  REQUIRE(store.stop() == 0);
  CHECK(store.command({"journal", "verify"}).status == 0);
  const auto document = [&](const char* id) {
    return fmt::format("(SELECT sequence FROM record WHERE id='{}')", id);
  };
  const auto sequence_of = [&](const std::string& id) {
    const auto told = parsed(store.command({"explain", id, "--json"}).output);
    return told.integer_of("sequence");
  };
  const std::int64_t fifth = sequence_of("S-5");
  {
    Tampered journal(store, "amount");
    // 'S-5' sold something else: one byte of the body.
    journal.run(
        "UPDATE record SET body = CAST(replace(body, CAST('A1' AS BLOB), CAST('B1' AS BLOB)) AS BLOB) "
        "WHERE sequence = " +
        document("S-5"));
    check_broken_at(store, journal, fifth);
  }
  {
    Tampered journal(store, "time");
    journal.run(fmt::format("UPDATE record SET recorded_at = recorded_at - 1 WHERE sequence = {}", fifth));
    check_broken_at(store, journal, fifth);
  }
  {
    Tampered journal(store, "index");
    journal.run(fmt::format("UPDATE record SET business_day = business_day - 1 WHERE sequence = {}", fifth));
    check_broken_at(store, journal, fifth);
  }
  {
    Tampered journal(store, "last");
    journal.run(fmt::format("DELETE FROM record WHERE sequence = {}", last));
    check_broken_at(store, journal, last);
  }
  {
    Tampered journal(store, "middle");
    journal.run(fmt::format("DELETE FROM record WHERE sequence = {}", fifth));
    check_broken_at(store, journal, fifth);
  }
  {
    Tampered journal(store, "swapped");
    journal.run(
        fmt::format("UPDATE record SET sequence = -1 WHERE sequence = {0};"
                    "UPDATE record SET sequence = {0} WHERE sequence = {0} + 1;"
                    "UPDATE record SET sequence = {0} + 1 WHERE sequence = -1",
                    fifth));
    check_broken_at(store, journal, fifth);
  }
  {
    Tampered journal(store, "gap");  // a removal dressed up as retention's
    journal.run(
        fmt::format("INSERT INTO gap SELECT {0}, {0}, hash FROM record WHERE sequence = {0};"
                    "DELETE FROM record WHERE sequence = {0}",
                    fifth));
    check_broken_at(store, journal, fifth);
  }
}

TEST_CASE("command line: check finds a broken journal, reads a whole one, and changes neither") {
  Shop shop;
  Store& store = shop.store;
  CHECK(store.command({"check"}).status == 0);
  CHECK(store.post(simple_sale("K1"))->status == 201);
  CHECK(store.drain(20) == 0);
  CHECK(store.stop() == 0);
  const auto journal = file_text(store.journal_folder() + "/journal.db");
  CHECK(store.command({"check"}).status == 0);
  CHECK(file_text(store.journal_folder() + "/journal.db") == journal);
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open((store.journal_folder() + "/journal.db").c_str(), &database) == SQLITE_OK);
  CHECK(sqlite3_exec(database, "UPDATE record SET recorded_at = 1 WHERE sequence = 2", nullptr, nullptr,
                     nullptr) == SQLITE_OK);
  sqlite3_close(database);
  const auto broken = store.command({"check"});
  CHECK(broken.status == 1);
  CHECK(broken.errors.find("sequence 2") != std::string::npos);
}

TEST_CASE("command line: each exit status says what it promises") {
  Shop shop;
  Store& store = shop.store;
  const auto one_line = [](const RunResult& run) {
    CHECK(run.output.empty());
    CHECK(run.errors.starts_with("tillsync: "));
    CHECK(std::count(run.errors.begin(), run.errors.end(), '\n') == 1);
  };
  std::ofstream(store.file("good.ndjson")) << simple_sale("P1") << "\n" << simple_sale("P2") << "\n";
  std::ofstream(store.file("mixed.ndjson")) << simple_sale("P3") << "\n{\"id\":1}\n";
  CHECK(store.command({"post", store.file("good.ndjson")}).status == 0);
  CHECK(store.command({"post", "-"}, store.file("good.ndjson")).status == 0);  // safe to repeat
  const auto mixed = store.command({"post", store.file("mixed.ndjson"), "--json"});
  CHECK(mixed.status == 1);
  CHECK(ndjson(mixed.output).size() == 2);
  CHECK(store.drain(20) == 0);
  CHECK(shop.central.ledger("erp").integer_of("effects") == 3);
  CHECK(store.command({"status"}).status == 0);
  CHECK(parsed(store.command({"status", "--json"}).output).integer_of("backlog", -1) == 0);
  for (const char* format : {"table", "csv", "html"}) {
    const auto run = store.command({"report", "reconciliation", "--day", "2026-11-20", "--format", format});
    CHECK(run.status == 0);
    CHECK(run.output.size() > 100);
  }
  one_line(store.command({"report", "reconciliation", "--day", "20-11-2026"}));
  CHECK(store.command({"report", "reconciliation", "--day", "20-11-2026"}).status == 2);
  CHECK(store.command({"drian"}).status == 2);
  CHECK(store.command({"post", store.file("missing.ndjson")}).status == 2);

  // A second daemon on the journal in use is refused, and the first is none the worse.
  const auto second = store.command({"run"});
  CHECK(second.status == 3);
  CHECK(second.errors.find("is held by process") != std::string::npos);
  CHECK(store.post(simple_sale("P9"))->status == 201);

  CHECK(store.stop() == 0);
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"status"},
                                                    {"drain", "--timeout", "1"},
                                                    {"quarantine", "list"},
                                                    {"report", "reconciliation", "--day", "2026-11-20"}}) {
    const auto run = store.command(arguments);
    CHECK(run.status == 3);
    one_line(run);
  }
  CHECK(store.command({"post", store.file("good.ndjson"), "--timeout", "0.2"}).status == 3);

  const std::string good = file_text(store.settings_file());
  std::ofstream(store.settings_file()) << good << "\n[store2]\n[ops]\n";
  const auto check = store.command({"check"});
  CHECK(check.status == 2);
  CHECK(store.command({"run"}).status == 2);
  std::ofstream(store.settings_file()) << "[store]\nid = \"0417\"\ncurrency = \"GBP\"\nidd = 1\n[jurnal]\n";
  const auto mistakes = store.command({"check"});
  CHECK(mistakes.status == 2);
  CHECK(mistakes.errors.find("tillsync.toml:4: ") != std::string::npos);
  CHECK(mistakes.errors.find("tillsync.toml:5: ") != std::string::npos);
  for (const auto& [from, to] :
       {std::pair<std::string, std::string>{"\"GBP\"", "\"GPB\""}, {"\"rest\"", "\"sap\""}}) {
    std::string wrong = good;
    REQUIRE(wrong.find(from) != std::string::npos);
    wrong.replace(wrong.find(from), from.size(), to);
    std::ofstream(store.settings_file()) << wrong;
    const auto line = 1 + std::count(good.begin(), good.begin() + static_cast<long>(good.find(from)), '\n');
    const auto told = store.command({"check"});
    CHECK(told.status == 2);
    CHECK(told.errors.find(fmt::format("tillsync.toml:{}: ", line)) != std::string::npos);
  }
  // The store's id is in every reference: a journal goes on only under its own (I3).
  std::string other = good;
  other.replace(other.find("\"0417\""), 6, "\"0418\"");
  std::ofstream(store.settings_file()) << other;
  for (const char* command : {"check", "run"}) {
    const auto told = store.command({command});
    CHECK(told.status == 2);
    CHECK(told.errors.find("is store 0417's") != std::string::npos);
  }
  std::ofstream(store.settings_file()) << good;

  fs::rename(store.journal_folder(), store.file("elsewhere"));
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"journal", "verify"}, {"explain", "P1"}, {"journal", "export"}}) {
    const auto run = store.command(arguments);
    CHECK(run.status == 4);
    one_line(run);
  }
  std::ofstream(store.journal_folder()) << "a file where the folder should be";
  CHECK(store.command({"check"}).status == 4);
  fs::remove(store.journal_folder());
  fs::create_directory(store.journal_folder());
  std::ofstream(store.journal_folder() + "/journal.db") << std::string(8'192, 'x');
  CHECK(store.command({"check"}).status == 4);
}

TEST_CASE(
    "journal settled: says, without the daemon, what each target is owed, and the status whether it is "
    "nothing") {
  StoreOptions options;
  options.central = "http://127.0.0.1:9";  // never there
  Store store(options);
  store.start();
  CHECK(store.command({"journal", "settled"}).status == 0);
  REQUIRE(store.post(simple_sale("S-1"))->status == 201);
  CHECK(store.stop() == 0);
  const auto owed = store.command({"journal", "settled"});
  CHECK(owed.status == 1);
  CHECK(owed.output ==
        "crm is owed 1 delivery, 0 of them in quarantine\nerp is owed 1 delivery, 0 of them in quarantine\n");
  const auto told = parsed(store.command({"journal", "settled", "--json"}).output);
  CHECK(json::dump(told) ==
        R"({"settled":false,"targets":{"crm":{"owed":1,"quarantined":0},"erp":{"owed":1,"quarantined":0}}})");
}
