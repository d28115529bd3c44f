#include "outbox/journal/derived_check.h"

#include <set>

#include "outbox/journal/counters.h"
#include "outbox/journal/writer_statements.h"
#include "platform/crypto/sha256.h"

namespace tillsync {
namespace {

enum Made : std::size_t { kDeliveries, kKeyOwner, kIdOwner };

std::string name_of(const DeliveryRow& row) {
  const auto number = [](const std::optional<Sequence>& sequence) {
    return sequence ? std::to_string(sequence->value) : std::string("none");
  };
  return std::string(state_name(row.state)) + " to " + row.target + " after " + std::to_string(row.attempts) +
         " attempts, last fact " + number(row.last_fact) + ", amended by " + number(row.version);
}

bool in_a_gap(const std::map<Sequence, DerivedGap>& gaps, Sequence sequence) {
  const auto behind = gaps.upper_bound(sequence);
  return behind != gaps.begin() && std::prev(behind)->second.last >= sequence;
}

/// A count that goes on with what retention removes: of what is there it can only be the same or more.
bool outlives_retention(std::string_view name) {
  for (const std::string_view group : {"type:", "delivered:", "discarded:", "outcome:", "conflict:"}) {
    if (name.starts_with(group)) return true;
  }
  for (const auto status :
       {DocumentStatus::kDelivered, DocumentStatus::kDiscarded, DocumentStatus::kCompensated}) {
    if (name == counters::of_status(status)) return true;
  }
  return false;
}

}  // namespace

Result<DerivedCheck> DerivedCheck::open(sqlite::Database& database) {
  auto deriver = DocumentDeriver::open(database);
  if (!deriver) return deriver.error();
  std::vector<sqlite::Statement> made;
  for (const char* sql : {kSelectDeliveries.c_str(), "SELECT document FROM idempotency_key WHERE key = ?",
                          "SELECT sequence FROM record WHERE id = ?"}) {
    auto statement = database.prepare(sql);
    if (!statement) return statement.error();
    made.push_back(std::move(*statement));
  }
  return DerivedCheck(database, std::move(*deriver), std::move(made));
}

void DerivedCheck::differs(std::string_view table, const std::string& key, const std::string& what) {
  if (difference_) return;
  difference_ = "table " + std::string(table) + ", " + key + ": " + what;
}

void DerivedCheck::expect(std::string_view table, const std::string& key, std::int64_t stored,
                          std::int64_t derived) {
  if (stored == derived) return;
  differs(table, key, "it says " + std::to_string(stored) + ", the records say " + std::to_string(derived));
}

Result<std::optional<std::int64_t>> DerivedCheck::look(sqlite::Statement& select) {
  auto row = select.step();
  if (!row) return row.error();
  const auto found = *row ? std::optional(select.integer(0)) : std::nullopt;
  select.reset();
  return found;
}

Result<void> DerivedCheck::record(RecordKind kind, Sequence sequence, std::optional<Sequence> about,
                                  std::string_view body) {
  if (kind == RecordKind::kRoutes) {
    auto routes = decode_routes(body);
    if (!routes) return routes.error();
    routes_.add(sequence, std::move(*routes));
    return ok();
  }
  return totals_.add_fact(kind, sequence, about, body);
}

Result<void> DerivedCheck::document(Sequence sequence, const Document& document, const DocumentMeta& meta) {
  auto derived =
      deriver_.derive(sequence, document.type, document.business_day.day.time_since_epoch().count(), routes_);
  if (!derived) return derived.error();
  totals_.add(*derived);
  if (difference_) return ok();
  if (auto checked = check_rows(*derived); !checked) return checked.error();
  return check_keys(sequence, document, meta);
}

// A parked delivery has a row before it has a fact.
Result<void> DerivedCheck::check_rows(const DerivedDocument& document) {
  if (!frontiers_read_) {
    auto select = database_->prepare("SELECT target, frontier FROM lane");
    if (!select) return select.error();
    while (true) {
      auto row = select->step();
      if (!row) return row.error();
      if (!*row) break;
      frontiers_[select->text(0)] = Sequence{select->integer(1)};
    }
    frontiers_read_ = true;
  }
  auto stored = read_delivery_rows(made_[kDeliveries], document.sequence);
  if (!stored) return stored.error();
  const auto key = [&](std::string_view step) {
    return std::to_string(document.sequence.value) + ":" + std::string(step);
  };
  for (const auto& step : document.plan) {
    const auto* is = row_of(*stored, step.step);
    const auto* should = row_of(document.rows, step.step);
    const DeliveryRow parked{step.step, step.target};
    if (is != nullptr && *is != (should != nullptr ? *should : parked)) {
      differs(
          "delivery", key(step.step),
          "it says " + name_of(*is) + "; the records say " + name_of(should != nullptr ? *should : parked));
    } else if (is == nullptr && should != nullptr) {
      differs("delivery", key(step.step), "it is missing; the records say " + name_of(*should));
    }
    const auto frontier = frontiers_.find(step.target);
    if (is == nullptr && frontier != frontiers_.end() && frontier->second >= document.sequence) {
      differs("lane", step.target,
              "its frontier passes " + key(step.step) + ", which is neither settled nor on record");
    }
  }
  for (const auto& row : *stored) {
    if (step_of(document.plan, row.step) == nullptr)
      differs("delivery", key(row.step), "the document's plan has no such step");
  }
  return ok();
}

Result<void> DerivedCheck::check_keys(Sequence sequence, const Document& document, const DocumentMeta& meta) {
  auto found = look(made_[kIdOwner].bind(1, document.id));
  if (!found) return found.error();
  if (*found != sequence.value)
    differs("record", "index of ids", "it does not lead to \"" + document.id + "\"");
  if (meta.idempotency_key.empty()) return ok();
  auto owner = look(made_[kKeyOwner].bind(1, meta.idempotency_key));
  if (!owner) return owner.error();
  if (*owner != sequence.value) {
    differs("idempotency_key", "\"" + meta.idempotency_key + "\"",
            "it is document " + std::to_string(sequence.value) + "'s, the table says " +
                (*owner ? std::to_string(**owner) : std::string("nobody's")));
  }
  return ok();
}

Result<void> DerivedCheck::finish(const std::map<Sequence, DerivedGap>& gaps) {
  if (auto done = check_strays(); !done) return done.error();
  if (auto done = check_counters(!gaps.empty()); !done) return done.error();
  if (auto done = check_days(gaps); !done) return done.error();
  if (auto done = check_day_targets(gaps); !done) return done.error();
  if (auto done = check_gaps(gaps); !done) return done.error();
  if (auto done = check_lanes(); !done) return done.error();
  if (auto done = check_conflicts(); !done) return done.error();
  return difference_ ? ok() : check_database();
}

// Rows and keys of documents that are not there. A key that came with a replay has no record of its own.
Result<void> DerivedCheck::check_strays() {
  for (const auto& [table, sql] :
       {std::pair<const char*, const char*>{
            "delivery",
            "SELECT document || ':' || step FROM delivery AS d WHERE NOT EXISTS (SELECT 1 FROM record WHERE "
            "sequence = d.document AND kind = 1) LIMIT 1"},
        {"idempotency_key",
         "SELECT '\"' || key || '\"' FROM idempotency_key AS k WHERE NOT EXISTS (SELECT 1 FROM record WHERE "
         "sequence = k.document AND kind = 1) LIMIT 1"}}) {
    auto stray = database_->query_text(sql);
    if (!stray) return stray.error();
    if (*stray) differs(table, **stray, "there is no such document");
  }
  return ok();
}

Result<void> DerivedCheck::check_counters(bool pruned) {
  std::map<std::string, std::int64_t> stored;
  auto select = database_->prepare("SELECT name, value FROM counter");
  if (!select) return select.error();
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    stored[select->text(0)] = select->integer(1);
  }
  auto names = totals_.counters;
  names.insert(stored.begin(), stored.end());
  std::int64_t types = 0, statuses = 0;
  for (const auto& [name, value] : names) {
    const auto is = stored[name];
    const auto should = totals_.counters[name];
    if (name.starts_with("type:")) types += is;
    if (name.starts_with("status:")) statuses += is;
    if (!pruned || !outlives_retention(name) || is < should) expect("counter", name, is, should);
  }
  if (types != statuses)
    differs("counter", "status:*",
            "they add up to " + std::to_string(statuses) + ", type:* to " + std::to_string(types));
  return ok();
}

// A day's first document, and its last delivery, may have gone since: then they lie in a gap.
Result<void> DerivedCheck::check_days(const std::map<Sequence, DerivedGap>& gaps) {
  auto days = totals_.days;
  auto select = database_->prepare("SELECT business_day, first_sequence, documents FROM day");
  if (!select) return select.error();
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    const auto number = select->integer(0);
    const BusinessDay day{std::chrono::sys_days(std::chrono::days(number))};
    const auto& derived = totals_.days[number];
    expect("day", day.text() + " documents", select->integer(2), derived.documents);
    const Sequence first{select->integer(1)};
    if (first != derived.first && (first > derived.first || !in_a_gap(gaps, first)))
      expect("day", day.text() + " first_sequence", first.value, derived.first.value);
    days.erase(number);
  }
  for (const auto& [number, derived] : days) {
    const BusinessDay day{std::chrono::sys_days(std::chrono::days(number))};
    expect("day", day.text() + " documents", 0, derived.documents);
  }
  return ok();
}

Result<void> DerivedCheck::check_day_targets(const std::map<Sequence, DerivedGap>& gaps) {
  auto left = totals_.day_targets;
  auto select = database_->prepare("SELECT business_day, target, last_delivered FROM day_target");
  if (!select) return select.error();
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    const std::pair key(select->integer(0), select->text(1));
    const Sequence last{select->integer(2)};
    const auto should = left.contains(key) ? left[key] : Sequence{};
    const BusinessDay day{std::chrono::sys_days(std::chrono::days(key.first))};
    if (last != should && (last < should || !in_a_gap(gaps, last)))
      expect("day_target", day.text() + " " + key.second, last.value, should.value);
    left.erase(key);
  }
  for (const auto& [key, should] : left) {
    const BusinessDay day{std::chrono::sys_days(std::chrono::days(key.first))};
    expect("day_target", day.text() + " " + key.second, 0, should.value);
  }
  return ok();
}

Result<void> DerivedCheck::check_gaps(const std::map<Sequence, DerivedGap>& gaps) {
  auto left = gaps;
  auto select = database_->prepare("SELECT first, last, hash FROM gap");
  if (!select) return select.error();
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    const Sequence first{select->integer(0)};
    const auto should = left.find(first);
    const DerivedGap is{Sequence{select->integer(1)}, select->blob(2)};
    if (should == left.end() || should->second != is)
      differs("gap", std::to_string(first.value), "the records tell of no such gap");
    left.erase(first);
  }
  if (!left.empty()) differs("gap", std::to_string(left.begin()->first.value), "it is missing");
  return ok();
}

Result<void> DerivedCheck::check_lanes() {
  auto left = totals_.paused;
  auto select = database_->prepare("SELECT target, paused FROM lane");
  if (!select) return select.error();
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    const auto target = select->text(0);
    expect("lane", target + " paused", select->integer(1), left.contains(target) && left[target] ? 1 : 0);
    left.erase(target);
  }
  for (const auto& [target, paused] : left) expect("lane", target + " paused", 0, paused ? 1 : 0);
  return ok();
}

Result<void> DerivedCheck::check_conflicts() {
  auto stored = read_conflict_rows(*database_);
  if (!stored) return stored.error();
  for (const auto& [record, row] : totals_.conflicts) {
    const auto is = stored->find(record);
    if (is == stored->end() || is->second != row)
      differs("conflict", std::to_string(record.value),
              is == stored->end() ? "it is missing" : "it is not what the records say");
    if (is != stored->end()) stored->erase(is);
  }
  if (!stored->empty())
    differs("conflict", std::to_string(stored->begin()->first.value), "the records tell of no such conflict");
  return ok();
}

// SQLite's own view: pages, and indexes against their tables.
Result<void> DerivedCheck::check_database() {
  auto answer = database_->query_text("PRAGMA integrity_check(1)");
  if (!answer) return answer.error();
  if (answer->value_or("") != "ok")
    differs("sqlite_schema", "integrity_check", answer->value_or("no answer"));
  return ok();
}

}  // namespace tillsync
