// What the tests of central's facts share: a store of facts in a folder of its own, and a central that can be
// asked, and can lie.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reconcile/central_facts/facts_sync.h"
#include "reconcile/central_facts/facts_work.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/reconcile/store.h"

namespace tillsync::testing {

inline Error unreachable() {
  return {ErrorKind::kUnavailable, "fetch", "nobody answers"};
}

/// Its change feed's cursors count the changes; rows of a page carry the value of now.
class FactsCentral final : public FetchPort {
 public:
  using Key = std::pair<FactKind, std::string>;

  void set(FactKind kind, const std::string& key, const std::string& members) {
    const std::string name = kind == FactKind::kCustomer ? "id" : "sku";
    const std::string own = kind == FactKind::kRefundPolicy ? "" : "\"" + name + "\":\"" + key + "\",";
    put(kind, key, "{" + own + members + "}");
  }
  void remove(FactKind kind, const std::string& key) { put(kind, key, ""); }

  bool offers(FactKind) const override { return true; }
  Result<ChangesPage> changes(const std::string& cursor) override {
    ++requests;
    if (lie_in_feed) {
      if (auto lie = lie_in_feed(cursor)) return *lie;
    }
    return honest_changes(cursor);
  }
  Result<ChangesPage> honest_changes(const std::string& cursor) const {
    ChangesPage page;
    if (!serves_changes) {
      page.answer = ChangesPage::Answer::kNotServed;
      return page;
    }
    const bool digits = cursor.find_first_not_of("0123456789") == std::string::npos && cursor.size() < 9;
    const std::size_t from = cursor.empty() ? 0 : digits ? std::stoul(cursor) : log.size() + 1;
    if (from > log.size()) {
      page.answer = ChangesPage::Answer::kCursorUnknown;
      return page;
    }
    const std::size_t to = std::min(log.size(), from + page_rows);
    for (std::size_t i = from; i < to; ++i) page.changes.push_back(change_of(log[i]));
    page.rows = page.changes.size();
    page.cursor = std::to_string(to);
    return page;
  }
  FactChange change_of(const Key& key) const {
    const Row& row = rows.at(key);
    FactChange change{key.first, key.second, row.etag(), FactChange::How::kUntold, {}};
    if (row.value.empty()) {
      change.how = FactChange::How::kRemoved;
    } else if (gives_values) {
      change.how = FactChange::How::kValue;
      change.value = row.value;
    }
    return change;
  }
  Result<FetchedFact> fetch(FactKind kind, const std::string& key, const std::string& etag) override {
    ++requests;
    fetched.push_back({kind, key});
    if (lie_in_fetch) {
      if (auto lie = lie_in_fetch(kind, key)) return *lie;
    }
    FetchedFact out;
    const auto row = rows.find({kind, key});
    if (!serves_rows || row == rows.end() || row->second.value.empty()) {
      out.answer = FetchedFact::Answer::kAbsent;
      return out;
    }
    out.etag = row->second.etag();
    out.answer = etag == out.etag ? FetchedFact::Answer::kNotModified : FetchedFact::Answer::kValue;
    if (out.answer == FetchedFact::Answer::kValue) out.value = row->second.value;
    return out;
  }
  Result<std::optional<FactsPage>> list(FactKind kind, const std::optional<std::string>& cursor) override {
    if (!serves_lists || kind == FactKind::kRefundPolicy) return std::optional<FactsPage>();
    ++requests;
    FactsPage page;
    std::string last = cursor.value_or("");
    for (const auto& [key, row] : rows) {
      if (key.first != kind || key.second <= last || row.value.empty()) continue;
      if (page.rows.size() == page_rows) {
        page.next = page.rows.back().key;
        break;
      }
      page.rows.push_back({kind, key.second, {}, FactChange::How::kValue, row.value});
    }
    if (lies_in_list) page.next = "again";
    return std::optional(std::move(page));
  }
  Result<std::optional<std::vector<CentralRow>>> sale(const std::string&) override {
    return std::optional<std::vector<CentralRow>>();
  }
  Result<std::optional<std::vector<CentralRow>>> returns_of(const std::string&) override {
    return std::optional<std::vector<CentralRow>>();
  }

  struct Row {
    std::string value;  ///< "": taken out
    int version = 0;
    std::string etag() const { return "\"v" + std::to_string(version) + "\""; }
  };
  std::map<Key, Row> rows;
  std::vector<Key> log;  ///< of changes
  std::size_t page_rows = 3;
  bool serves_changes = true, serves_rows = true, serves_lists = false, gives_values = true;
  bool lies_in_list = false;
  std::function<std::optional<Result<ChangesPage>>(const std::string& cursor)> lie_in_feed;
  std::function<std::optional<Result<FetchedFact>>(FactKind, const std::string&)> lie_in_fetch;
  std::size_t requests = 0;
  std::vector<Key> fetched;

 private:
  void put(FactKind kind, const std::string& key, std::string value) {
    Row& row = rows[{kind, key}];
    row.value = std::move(value);
    ++row.version;
    log.emplace_back(kind, key);
  }
};

struct FactsWorld {
  TempDir dir;
  ManualClock clock;
  FactsCentral central;
  Sequence head{10};
  std::atomic<bool> stop{false};
  FactsLimits limits;
  FactsRoom room;
  std::set<FactKind> kinds{kFactKinds.begin(), kFactKinds.end()};
  std::unique_ptr<CentralFacts> facts =
      *CentralFacts::open(dir.path().string(), CentralFacts::Mode::kReadWrite);

  void want(WantedKind what, const std::string& key) {
    auto writer = FactsWriter::begin(*facts, room);
    REQUIRE(writer);
    REQUIRE(writer->want(what, key));
    REQUIRE(writer->commit());
  }
  FactsRound round(FactsSync::Depth depth = FactsSync::Depth::kWhole) {
    FactsSync sync({*facts, "0417", clock, [this] { return Result<Sequence>(head); }, limits, room});
    auto done = sync.round(central, "erp", kinds, {stop, clock.steady + std::chrono::seconds(60)}, depth);
    REQUIRE(done);
    return *std::move(done);
  }
  /// What is held: "" for a row that central is known not to have, "-" for one that was never heard of.
  std::string value(FactKind kind, const std::string& key) {
    auto fact = facts->current(kind, key);
    REQUIRE(fact);
    return *fact ? (*fact)->value : "-";
  }
  void restart() {
    facts.reset();
    facts = *CentralFacts::open(dir.path().string(), CentralFacts::Mode::kReadWrite);
  }
};

}  // namespace tillsync::testing
