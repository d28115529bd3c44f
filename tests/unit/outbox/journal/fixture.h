// A journal in a folder of its own, a clock that the test moves, and documents to put in.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <variant>

#include "outbox/document/validation.h"
#include "outbox/journal/journal.h"
#include "outbox/journal/verify.h"
#include "platform/sqlite/database.h"
#include "tests/support/temp_dir.h"

namespace tillsync::test {

class JournalClock final : public Clock {
 public:
  UtcTime utc_now() const override { return utc; }
  SteadyTime steady_now() const override { return steady; }
  UtcTime utc{std::chrono::sys_days(std::chrono::year(2026) / 11 / 23)};
  SteadyTime steady{std::chrono::hours(1)};
};

inline StoreDefaults journal_store() {
  return {"0417", "GBP", BusinessCalendar(TimeZone::find("Europe/London").value(), std::chrono::hours(4))};
}

inline Document sale_document(const std::string& id, const std::string& price = "2.50",
                              const std::string& day = "2026-11-23") {
  auto checked = parse_document(
      R"({"id":")" + id +
          R"(","type":"sale","terminal":"T1","occurred_at":"2026-11-23T10:00:00Z","business_day":")" + day +
          R"(","lines":[{"sku":"X","quantity":1,"unit_price":")" + price + R"("}]})",
      journal_store());
  REQUIRE(std::holds_alternative<Document>(checked));
  return std::get<Document>(std::move(checked));
}

inline DocumentPost sale_post(const std::string& id, const std::string& price = "2.50",
                              const std::string& day = "2026-11-23", DocumentMeta meta = {}) {
  return make_post(sale_document(id, price, day), std::move(meta));
}

inline Routes both_targets() {
  Routes routes;
  for (const auto type : kDocumentTypes) routes.steps[type] = {{"crm", "crm", {}}, {"erp", "erp", {}}};
  return routes;
}

inline OutcomeFact outcome_fact(Sequence document, const std::string& target, OutcomeKind kind,
                                int attempt = 1) {
  OutcomeFact fact;
  fact.delivery = DeliveryKey{document, target};
  fact.target = target;
  fact.attempt = attempt;
  fact.outcome.kind = kind;
  if (kind == OutcomeKind::kDelivered) fact.outcome.central_reference = "C-" + std::to_string(document.value);
  if (kind == OutcomeKind::kRejected) {
    fact.outcome.reason = "unknown SKU";
    fact.outcome.http_status = 422;
    fact.outcome.answer = "{\"detail\":\"unknown SKU\"}";
  }
  return fact;
}

struct JournalBench {
  JournalBench() { reopen(); }

  void reopen() {
    journal.reset();
    auto opened = Journal::open(JournalOptions{folder(), ""}, clock);
    REQUIRE_MESSAGE(opened.has_value(), (opened.has_value() ? std::string() : opened.error().detail));
    journal = std::move(*opened);
  }
  std::string folder() const { return dir.path().string() + "/journal"; }

  /// One call in a transaction of its own.
  template <class Call>
  auto alone(Call call) {
    REQUIRE(journal->begin().has_value());
    auto result = call(*journal);
    REQUIRE(journal->commit().has_value());
    return result;
  }
  void route(const Routes& routes = both_targets()) {
    REQUIRE(alone([&](Journal& j) { return j.set_routes(routes); }).has_value());
  }
  PostAnswer append(const DocumentPost& post) {
    auto answer = alone([&](Journal& j) { return j.append(post); });
    REQUIRE(answer.has_value());
    return *answer;
  }
  void record(const OutcomeFact& fact) {
    REQUIRE(alone([&](Journal& j) { return j.record(fact); }).has_value());
  }
  void deliver(Sequence document) {
    record(outcome_fact(document, "erp", OutcomeKind::kDelivered));
    record(outcome_fact(document, "crm", OutcomeKind::kDelivered));
  }
  std::unique_ptr<JournalReader> reader() const {
    auto opened = JournalReader::open(folder());
    REQUIRE(opened.has_value());
    return std::move(*opened);
  }
  Verification verify() const {
    auto own = reader();
    auto answer = verify_journal(*own);
    REQUIRE(answer.has_value());
    return *answer;
  }
  /// Changes the files behind everyone's back, with the journal closed.
  void tamper(const std::string& sql) {
    journal.reset();
    auto database = sqlite_open();
    REQUIRE(database.execute(sql.c_str()).has_value());
  }

  testing::TempDir dir;
  JournalClock clock;
  std::unique_ptr<Journal> journal;

 private:
  sqlite::Database sqlite_open() const {
    auto database = sqlite::Database::open(folder() + "/journal.db", sqlite::OpenMode::kReadWriteCreate);
    REQUIRE(database.has_value());
    return std::move(*database);
  }
};

}  // namespace tillsync::test
