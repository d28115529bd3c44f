#include "reconcile/central_facts/central_facts.h"

#include <fstream>

#include "platform/sqlite/database.h"
#include "tests/unit/reconcile/central_facts/facts_world.h"

namespace tillsync {
namespace {

using namespace testing;
using Put = FactsWriter::Put;

FactSeen seen(std::int64_t from, std::int64_t by) {
  return {UtcTime(std::chrono::seconds(by)), Sequence{from}, Sequence{by}};
}

struct Book : FactsWorld {
  Put put(FactKind kind, const std::string& key, const std::string& value, const FactSeen& at,
          const std::string& etag = "e", const std::string& source = "erp") {
    auto writer = FactsWriter::begin(*facts, room);
    REQUIRE(writer);
    auto done = writer->put(kind, key, value, etag, source, at);
    REQUIRE(done);
    REQUIRE(writer->commit());
    return *done;
  }
  FactCount count(FactKind kind) {
    for (const FactCount& one : *facts->counts()) {
      if (one.kind == kind) return one;
    }
    return {};
  }
};

constexpr FactKind kPrice = FactKind::kPrice, kCustomer = FactKind::kCustomer, kStock = FactKind::kStock;

TEST_CASE_FIXTURE(Book,
                  "facts: a row comes back with its source and the records between which it was known") {
  CHECK(put(kPrice, "A", R"({"sku":"A"})", seen(3, 5), "\"v1\"") == Put::kNew);
  const CentralFact fact = **facts->current(kPrice, "A");
  const UtcTime at(std::chrono::seconds(5));
  CHECK(fact == CentralFact{kPrice, "A", R"({"sku":"A"})", "\"v1\"", "erp", at, Sequence{3}, Sequence{5}, at,
                            Sequence{3}, Sequence{5}});
  CHECK_FALSE(*facts->current(kStock, "A"));
  auto reader = *CentralFacts::open(dir.path().string(), CentralFacts::Mode::kReadOnly);
  CHECK(**reader->current(kPrice, "A") == fact);
}

TEST_CASE_FIXTURE(Book, "facts: what was known at a record is the newest version that was known by then") {
  put(kPrice, "A", R"({"p":"1"})", seen(3, 5));
  put(kPrice, "A", R"({"p":"2"})", seen(8, 9));
  put(kPrice, "A", R"({"p":"3"})", seen(9, 9));
  put(kPrice, "A", "", seen(20, 21));
  const auto known = [&](std::int64_t sequence) {
    auto fact = facts->as_of(kPrice, "A", Sequence{sequence});
    REQUIRE(fact);
    return *fact ? (*fact)->value : "-";
  };
  CHECK(known(4) == "-");
  CHECK(known(5) == R"({"p":"1"})");
  CHECK(known(8) == R"({"p":"1"})");
  CHECK(known(9) == R"({"p":"3"})");
  CHECK(known(20) == R"({"p":"3"})");
  CHECK(known(21).empty());
  CHECK(facts->versions(kPrice, "A")->size() == 4);
}

TEST_CASE_FIXTURE(Book, "facts: a confirmation makes no version, and does not reach back") {
  put(kPrice, "A", R"({"p":"1"})", seen(3, 5), "\"v1\"");
  CHECK(put(kPrice, "A", R"({"p":"1"})", seen(7, 8), "\"v2\"") == Put::kConfirmed);
  auto writer = *FactsWriter::begin(*facts);
  CHECK(*writer.confirm(kPrice, "A", seen(11, 12)));
  CHECK_FALSE(*writer.confirm(kPrice, "B", seen(11, 12)));
  REQUIRE(writer.commit());
  CHECK(facts->versions(kPrice, "A")->size() == 1);
  const CentralFact fact = **facts->current(kPrice, "A");
  CHECK(fact.known_by == Sequence{5});
  CHECK(fact.confirmed_from == Sequence{11});
  CHECK(fact.confirmed_by == Sequence{12});
  CHECK(fact.etag == "\"v2\"");
  CHECK((*facts->as_of(kPrice, "A", Sequence{11}))->confirmed_by == Sequence{5});
  CHECK((*facts->as_of(kPrice, "A", Sequence{12}))->confirmed_by == Sequence{12});
}

TEST_CASE_FIXTURE(Book, "facts: of a row that changes ever again the last four versions before it are kept") {
  for (int i = 1; i <= 20; ++i) put(kStock, "A", "{\"q\":\"" + std::to_string(i) + "\"}", seen(i, i));
  const auto versions = *facts->versions(kStock, "A");
  REQUIRE(versions.size() == 5);
  CHECK(versions.front().value == R"({"q":"20"})");
  CHECK(versions.back().value == R"({"q":"16"})");
  CHECK(count(kStock).rows == 1);
  CHECK(count(kStock).value_bytes == 5 * 10);
}

TEST_CASE_FIXTURE(Book, "facts: what came since a record is told in order, page by page, each row once") {
  put(kPrice, "B", "{}", seen(5, 6));
  put(kCustomer, "7", "{}", seen(5, 6));
  put(kPrice, "A", "{}", seen(5, 6));
  put(kStock, "A", "{}", seen(6, 7));
  put(kPrice, "C", "{}", seen(2, 3));
  put(kPrice, "B", R"({"p":"2"})", seen(8, 9));
  for (const std::size_t page : {1U, 2U, 100U}) {
    std::vector<std::string> told;
    FactCursor at = CentralFacts::behind(Sequence{3});
    for (;;) {
      auto rows = *facts->changed_after(at, page);
      if (rows.empty()) break;
      REQUIRE(rows.size() <= page);
      for (const CentralFact& row : rows) told.push_back(std::string(fact_kind_name(row.kind)) + row.key);
      at = {rows.back().known_by, rows.back().kind, rows.back().key};
    }
    CHECK(told == std::vector<std::string>{"customer7", "priceA", "stockA", "priceB"});
  }
}

TEST_CASE_FIXTURE(Book,
                  "facts: a person is found by e-mail or phone, however they are written, while it is so") {
  put(kCustomer, "1", R"({"id":"1","email":"Ann@Example.com","phone":"+44 (0)20 7946-0000"})", seen(1, 1));
  put(kCustomer, "2", R"({"id":"2","email":"bob@example.com","mobile":"0044 20 79460000"})", seen(1, 1));
  const auto who = [&](const std::string& email, const std::string& phone, const std::string& but = "") {
    std::string numbers;
    for (const CentralFact& fact : *facts->customers_with(email, phone, but)) numbers += fact.key;
    return numbers;
  };
  CHECK(who(" ann@example.COM", "") == "1");
  CHECK(who("", "+442079460000") == "12");
  CHECK(who("", "+442079460000", "1") == "2");
  CHECK(who("bob@example.com", "+44 20 7946 0000") == "12");
  CHECK(who("", "").empty());
  CHECK(who("nobody", "12").empty());
  put(kCustomer, "1", R"({"id":"1","email":"new@example.com"})", seen(2, 2));
  CHECK(who("ann@example.com", "").empty());
  CHECK(who("new@example.com", "+442079460000") == "12");
  put(kCustomer, "1", "", seen(3, 3));
  CHECK(who("new@example.com", "+442079460000") == "2");
}

TEST_CASE_FIXTURE(Book, "facts: counts follow what is held, and forgetting a kind leaves the others") {
  put(kPrice, "A", "{}", seen(1, 1));
  put(kPrice, "B", "", seen(1, 2));
  put(kStock, "A", "{}", seen(1, 3));
  CHECK(count(kPrice).rows == 1);
  CHECK(count(kPrice).absent == 1);
  CHECK(count(kPrice).source == "erp");
  CHECK(count(kPrice).newest_fetched_at == UtcTime(std::chrono::seconds(2)));
  CHECK(count(kPrice).oldest_fetched_at == UtcTime(std::chrono::seconds(1)));
  put(kPrice, "A", "", seen(4, 4));
  CHECK(count(kPrice).rows == 0);
  CHECK(count(kPrice).absent == 2);
  auto writer = *FactsWriter::begin(*facts);
  REQUIRE(writer.adopt("other", {kPrice}));
  REQUIRE(writer.commit());
  CHECK(count(kPrice).absent == 0);
  CHECK_FALSE(*facts->current(kPrice, "A"));
  CHECK(count(kStock).rows == 1);
}

TEST_CASE_FIXTURE(Book,
                  "facts: beyond the room new rows are refused, and one that outgrows it is forgotten") {
  room = {3, 40, 2};
  put(kPrice, "A", R"({"p":"1"})", seen(1, 1));
  put(kPrice, "A", R"({"p":"2"})", seen(2, 2));
  put(kPrice, "B", R"({"p":"1"})", seen(3, 3));
  CHECK(put(kPrice, "C", R"({"p":"100000000000"})", seen(4, 4)) == Put::kNoRoom);
  CHECK(put(kPrice, "C", "", seen(4, 4)) == Put::kNew);
  CHECK(put(kPrice, "D", "", seen(4, 4)) == Put::kNoRoom);
  // An earlier version gives way to the new one.
  CHECK(put(kPrice, "A", R"({"p":"30000000000000"})", seen(5, 5)) == Put::kChanged);
  CHECK(facts->versions(kPrice, "A")->size() == 1);
  CHECK(put(kPrice, "A", "{\"p\":\"" + std::string(40, '1') + "\"}", seen(6, 6)) == Put::kNoRoom);
  CHECK_FALSE(*facts->current(kPrice, "A"));
  CHECK(count(kPrice).rows == 1);
  CHECK(count(kPrice).value_bytes == 9);
  want(WantedKind::kSku, "A");
  want(WantedKind::kSku, "A");
  want(WantedKind::kSku, "B");
  want(WantedKind::kSku, "C");
  CHECK(wanted_keys(*facts, WantedKind::kSku, 0, 9)->size() == 2);
}

TEST_CASE_FIXTURE(Book,
                  "facts: what is not committed is not there; a file that cannot be used is begun anew") {
  put(kPrice, "A", "{}", seen(1, 1));
  {
    auto writer = *FactsWriter::begin(*facts);
    REQUIRE(writer.put(kPrice, "B", "{}", "", "erp", seen(1, 1)));
  }
  CHECK_FALSE(*facts->current(kPrice, "B"));
  CHECK(count(kPrice).rows == 1);
  restart();
  CHECK(*facts->current(kPrice, "A"));
  SUBCASE("damaged") {
    facts.reset();
    std::ofstream(dir.file(CentralFacts::kFileName), std::ios::trunc) << std::string(9000, 'x');
  }
  SUBCASE("of another version") {
    facts.reset();
    auto database =
        *sqlite::Database::open(dir.file(CentralFacts::kFileName), sqlite::OpenMode::kReadWriteCreate);
    REQUIRE(database.execute("PRAGMA user_version = 99"));
  }
  auto reader = *CentralFacts::open(dir.path().string(), CentralFacts::Mode::kReadOnly);
  CHECK_FALSE(*reader->current(kPrice, "A"));
  CHECK(reader->changed_after({}, 9)->empty());
  CHECK(reader->customers_with("a@b", "", "")->empty());
  CHECK(reader->counts()->size() == 4);
  CHECK_FALSE(FactsWriter::begin(*reader));
  restart();
  CHECK_FALSE(*facts->current(kPrice, "A"));
  CHECK(put(kPrice, "A", "{}", seen(1, 1)) == Put::kNew);
}

}  // namespace
}  // namespace tillsync
