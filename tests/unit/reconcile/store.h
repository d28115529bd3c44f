// What reconcile's tests share: a store, its documents, a journal of plain values and a central that can lie.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "outbox/document/canonical.h"
#include "outbox/document/validation.h"
#include "platform/base/random.h"
#include "platform/base/time.h"
#include "reconcile/central_view/read_back.h"
#include "reconcile/reports/report.h"

/// A failed check on a Result shows its error.
template <class T>
struct doctest::StringMaker<tillsync::Result<T>> {
  static String convert(const tillsync::Result<T>& result) {
    if (result.has_value()) return "a value";
    return (result.error().code + ": " + result.error().detail).c_str();
  }
};

namespace tillsync::testing {

inline const StoreDefaults& store() {
  static const StoreDefaults kStore{
      "0417", "GBP", BusinessCalendar(*TimeZone::find("Europe/London"), std::chrono::minutes(4 * 60))};
  return kStore;
}

inline BusinessDay day(const std::string& text) {
  return *BusinessDay::parse(text);
}
inline const std::string kDay = "2026-11-23";

/// A document of the model from its members; id, terminal and time are filled in.
inline Document document(const std::string& id, const std::string& members,
                         const std::string& terminal = "T1", const std::string& on = kDay) {
  const auto parsed = parse_document("{\"id\":\"" + id + "\",\"terminal\":\"" + terminal +
                                         "\",\"occurred_at\":\"" + on + "T12:00:00Z\"," + members + "}",
                                     store());
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) {
    FAIL(id << ": " << refusal->detail << (refusal->faults.empty() ? "" : " " + refusal->faults[0].detail));
  }
  return std::get<Document>(parsed);
}

inline Document sale(const std::string& id, const std::string& price = "2.50", const std::string& more = "",
                     const std::string& terminal = "T1", const std::string& on = kDay) {
  return document(id,
                  R"("type":"sale","total":")" + price +
                      R"(","lines":[{"sku":"S1","quantity":"1","unit_price":")" + price + "\"}]" + more,
                  terminal, on);
}

inline json::Value tree(const Document& value) {
  return *json::parse(canonical_json(value), json::ParseLimits{.depth_max = 64});
}

/// Sets the value at a pointer of plain member names and indexes.
inline void set_at(json::Value& value, const std::string& pointer, json::Value to) {
  json::Value* at = &value;
  std::size_t from = 1;
  while (from <= pointer.size()) {
    const std::size_t end = std::min(pointer.find('/', from), pointer.size());
    const std::string token = pointer.substr(from, end - from);
    if (json::Array* items = at->as_array()) {
      at = &items->at(std::stoul(token));
    } else {
      json::Object& members = *at->as_object();
      const auto found = std::find_if(members.begin(), members.end(),
                                      [&](const auto& member) { return member.first == token; });
      at = found != members.end() ? &found->second : &members.emplace_back(token, json::Value()).second;
    }
    from = end + 1;
  }
  *at = std::move(to);
}
/// In a document as central wrote it.
inline void set_at(std::string& text, const std::string& pointer, json::Value to) {
  auto value = json::parse(text);
  REQUIRE(value.has_value());
  set_at(*value, pointer, std::move(to));
  text = json::dump(*value);
}

class ManualClock final : public Clock {
 public:
  UtcTime utc_now() const override { return utc; }
  SteadyTime steady_now() const override { return steady; }
  UtcTime utc = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24);
  SteadyTime steady{};
};

/// A journal of plain values; sequences count up.
class FakeJournal final : public ReportJournal, public SentDocuments {
 public:
  struct Entry {
    DayDocument document;
    std::map<std::string, Sequence> delivered_at;  ///< by step
    std::map<std::string, Document> amended;       ///< by step
  };

  Entry& add(Document document) {
    Entry entry;
    entry.document.stored = StoredDocument{Sequence{++sequence_}, {}, std::move(document), {}};
    return entries_.emplace_back(std::move(entry));
  }
  /// Plans one step to a target, in a state.
  void deliver(Entry& entry, const std::string& target, DeliveryState state = DeliveryState::kDelivered,
               const std::string& step = "") {
    DeliveryView view;
    view.step = step.empty() ? target : step;
    view.target = target;
    view.state = state;
    if (state == DeliveryState::kDelivered) {
      view.central_reference = "C-" + entry.document.stored.document.id;
      entry.delivered_at[view.step] = Sequence{++sequence_};
    }
    entry.document.deliveries.push_back(view);
  }
  std::deque<Entry>& entries() { return entries_; }

  Result<JournalHead> head() override { return JournalHead{Sequence{sequence_}, {}}; }
  Result<std::vector<BusinessDay>> business_days(BusinessDay from, BusinessDay to) override {
    std::vector<BusinessDay> days;
    for (const Entry& entry : entries_) {
      const BusinessDay at = entry.document.stored.document.business_day;
      if (at >= from && at <= to) days.push_back(at);
    }
    std::sort(days.begin(), days.end());
    days.erase(std::unique(days.begin(), days.end()), days.end());
    return days;
  }
  Result<void> for_each_document(BusinessDay at,
                                 const std::function<bool(const DayDocument&)>& visit) override {
    for (const Entry& entry : entries_) {
      if (entry.document.stored.document.business_day == at && !visit(entry.document)) break;
    }
    return ok();
  }
  Result<std::optional<StoredDocument>> load_version(const DeliveryKey& delivery) override {
    for (const Entry& entry : entries_) {
      if (entry.document.stored.sequence != delivery.document) continue;
      StoredDocument stored = entry.document.stored;
      if (const auto amended = entry.amended.find(delivery.step); amended != entry.amended.end()) {
        stored.document = amended->second;
      }
      return std::optional<StoredDocument>(stored);
    }
    return std::optional<StoredDocument>();
  }
  Result<std::optional<StoredDocument>> find(const std::string& id) override {
    for (const Entry& entry : entries_) {
      if (entry.document.stored.document.id == id)
        return std::optional<StoredDocument>(entry.document.stored);
    }
    return std::optional<StoredDocument>();
  }
  Result<Sequence> last_delivery(BusinessDay at, const std::string& target) override {
    Sequence last;
    for (const Entry& entry : entries_) {
      if (entry.document.stored.document.business_day != at) continue;
      for (const DeliveryView& view : entry.document.deliveries) {
        const auto delivered = entry.delivered_at.find(view.step);
        if (view.target == target && delivered != entry.delivered_at.end())
          last = std::max(last, delivered->second);
      }
    }
    return last;
  }
  Result<std::string> central_reference(const DeliveryKey& delivery) override {
    for (const Entry& entry : entries_) {
      if (entry.document.stored.sequence != delivery.document) continue;
      for (const DeliveryView& view : entry.document.deliveries)
        if (view.step == delivery.step) return view.central_reference;
    }
    return std::string();
  }
  Result<Sequence> delivered_at(const DeliveryKey& delivery) override {
    for (const Entry& entry : entries_) {
      const auto found = entry.delivered_at.find(delivery.step);
      if (entry.document.stored.sequence == delivery.document && found != entry.delivered_at.end()) {
        return found->second;
      }
    }
    return Sequence{};
  }

  /// From now on rows() is what `target` was sent so far.
  void reckon_rows(const std::string& target) {
    contents_.clear();
    rows_.emplace("0417");
    for (const Entry& entry : entries_) {
      const Document& posted = entry.document.stored.document;
      for (const DeliveryView& view : entry.document.deliveries) {
        if (view.target != target) continue;
        if (is_open(view.state)) rows_->add_open();
        if (view.state != DeliveryState::kDelivered) continue;
        const auto amended = entry.amended.find(view.step);
        contents_.push_back(**content(posted.id, view.step));
        rows_->add(posted.id, contents_.back(), view.step,
                   amended != entry.amended.end() ? amended->second : posted);
      }
    }
    rows_->seal();
  }
  const SentRows* rows() override { return rows_ ? &*rows_ : nullptr; }
  Result<bool> moving() override { return moves || rows_->open() > 0; }
  bool moves = false;

  Result<std::optional<Document>> document(const std::string& id, const std::string& step) override {
    for (const Entry& entry : entries_) {
      if (entry.document.stored.document.id != id) continue;
      const auto amended = entry.amended.find(step);
      return std::optional<Document>(amended != entry.amended.end() ? amended->second
                                                                    : entry.document.stored.document);
    }
    return std::optional<Document>();
  }
  Result<std::optional<SentContent>> content(const std::string& id, const std::string& step) override {
    for (const Entry& entry : entries_) {
      const StoredDocument& stored = entry.document.stored;
      if (stored.document.id != id) continue;
      const auto amended = entry.amended.find(step);
      const bool posted = amended == entry.amended.end();
      const Document& sent = posted ? stored.document : amended->second;
      // As the matcher will ask for it: the version that the delivery's view names.
      const auto& views = entry.document.deliveries;
      const auto view =
          std::find_if(views.begin(), views.end(), [&](const auto& one) { return one.step == step; });
      const auto version = view == views.end() ? std::nullopt : view->version;
      return std::optional(SentContent{version.value_or(stored.sequence), sent.type, content_digest(sent)});
    }
    return std::optional<SentContent>();
  }

 private:
  std::int64_t sequence_ = 0;
  std::deque<Entry> entries_;  // rows_ refers to ids in it
  std::deque<SentContent> contents_;
  std::optional<SentRows> rows_;
};

/// Central's row for a document, as an honest central gives it.
inline CentralRow honest_row(const Document& sent, const std::string& step) {
  CentralRow row;
  row.reference = "0417/" + sent.id;
  row.step = step;
  row.central_reference = "C-" + sent.id;
  if (const auto total = document_total(sent)) {
    row.total = total->text(2);
    row.currency = sent.currency;
  }
  row.recorded_at = "2026-11-23T12:00:01Z";
  row.document = canonical_json(sent);
  return row;
}

/// A central that gives its rows in pages; `before_page` can make it fail or change.
class FakeCentral : public ReadBackPort {
 public:
  std::vector<CentralRow> rows;
  std::size_t page_rows = 7;
  bool loops = false;
  ListedTypes listed;
  std::function<Result<void>(std::size_t page)> before_page;

  Result<CentralPage> read_back(BusinessDay, const std::optional<std::string>& cursor) override {
    const std::size_t from = cursor ? std::stoul(*cursor) : 0;
    if (before_page) {
      if (auto fine = before_page(from / page_rows); !fine) return fine.error();
    }
    CentralPage page;
    const std::size_t to = std::min(rows.size(), from + page_rows);
    for (std::size_t i = from; i < to; ++i) page.rows.push_back(rows[i]);
    if (loops) {
      page.next = "0";
    } else if (to < rows.size()) {
      page.next = std::to_string(to);
    }
    return page;
  }
  ListedTypes listed_types() const override { return listed; }
};

}  // namespace tillsync::testing
