#include "reconcile/central_facts/facts_writer.h"

#include <algorithm>
#include <utility>

#include "reconcile/central_facts/contact.h"
#include "reconcile/central_facts/facts_impl.h"

namespace tillsync {

struct FactsWriter::Held {
  std::int64_t version = 0;
  std::string value;
  std::string etag;
  std::string source;
};

namespace {

constexpr const char* kHeld = "SELECT version, value, etag, source FROM fact WHERE kind = ?1 AND key = ?2";
constexpr const char* kInsert = "INSERT OR REPLACE INTO fact (" TILLSYNC_FACT_COLUMNS
                                ", version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?6, ?7, ?8, ?9)";
constexpr const char* kKeep =
    "INSERT OR REPLACE INTO earlier (" TILLSYNC_FACT_COLUMNS ", version) SELECT " TILLSYNC_FACT_COLUMNS
    ", version FROM fact WHERE kind = ?1 AND key = ?2";
constexpr const char* kEarlierBytes =
    "SELECT coalesce(sum(length(CAST(value AS BLOB))), 0) FROM earlier WHERE kind = ?1 AND key = ?2 AND "
    "version <= ?3";
constexpr const char* kDropEarlier = "DELETE FROM earlier WHERE kind = ?1 AND key = ?2 AND version <= ?3";
constexpr const char* kForget = "DELETE FROM fact WHERE kind = ?1 AND key = ?2";
constexpr const char* kConfirm =
    "UPDATE fact SET confirmed_at = ?3, confirmed_from = ?4, confirmed_by = ?5 WHERE kind = ?1 AND key = ?2";
constexpr const char* kConfirmTagged =
    "UPDATE fact SET confirmed_at = ?3, confirmed_from = ?4, confirmed_by = ?5, etag = ?6 "
    "WHERE kind = ?1 AND key = ?2";
constexpr const char* kAddContact = "INSERT OR IGNORE INTO contact VALUES (?1, ?2)";
constexpr const char* kDropContact = "DELETE FROM contact WHERE contact = ?1 AND customer = ?2";
constexpr const char* kLoadCount =
    "SELECT kind, source, rows, absent, value_bytes, newest_fetched_at FROM fact_count";
constexpr const char* kSaveCount = "INSERT OR REPLACE INTO fact_count VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
constexpr const char* kKinds = "SELECT kinds FROM feed WHERE source = ?1";
constexpr const char* kAdopt =
    "INSERT OR REPLACE INTO feed (source, kinds, cursor, caught_up_at, caught_up_from) VALUES (?1, ?2, '', "
    "NULL, 0)";
constexpr const char* kSetFeed =
    "UPDATE feed SET cursor = ?2, caught_up_at = ?3, caught_up_from = ?4 WHERE source = ?1";
constexpr const char* kAddPending = "INSERT OR IGNORE INTO pending (kind, key) VALUES (?1, ?2)";
constexpr const char* kDropPending = "DELETE FROM pending WHERE kind = ?1 AND key = ?2";
constexpr const char* kWant = "INSERT OR IGNORE INTO wanted (what, key) VALUES (?1, ?2)";
constexpr const char* kLastWanted = "SELECT coalesce(max(number), 0) FROM wanted";
constexpr const char* kSetProgress = "INSERT OR REPLACE INTO progress VALUES (?1, ?2)";
constexpr const char* kSetListCursor = "INSERT OR REPLACE INTO list_cursor VALUES (?1, ?2)";
constexpr const char* kSetPlace = "INSERT INTO journal_place VALUES (?1, ?2)";
constexpr const char* kForgetKind = "DELETE FROM fact WHERE kind = ?1";
constexpr const char* kForgetKindEarlier = "DELETE FROM earlier WHERE kind = ?1";
constexpr const char* kForgetKindPending = "DELETE FROM pending WHERE kind = ?1";
constexpr const char* kForgetKindList = "DELETE FROM list_cursor WHERE kind = ?1";
constexpr const char* kForgetKindProgress = "DELETE FROM progress WHERE name LIKE ?1";

std::int64_t size_of(const std::string& text) {
  return static_cast<std::int64_t>(text.size());
}

std::vector<std::string> contacts_in(const std::string& customer) {
  if (customer.empty()) return {};
  const auto value = json::parse(customer);
  return value ? contacts_of(*value) : std::vector<std::string>();
}

/// `bind` gets the statement, which then runs to its end.
template <class Bind>
Result<void> run(CentralFacts::Impl& impl, const char* sql, Bind bind) {
  auto statement = impl.use(sql);
  if (!statement) return statement.error();
  bind(**statement);
  return (*statement)->run();
}

Result<void> run_on_key(CentralFacts::Impl& impl, const char* sql, FactKind kind, const std::string& key) {
  return run(impl, sql, [&](sqlite::Statement& s) {
    s.bind(1, static_cast<std::int64_t>(kind)).bind(2, std::string_view(key));
  });
}

}  // namespace

Result<FactsWriter> FactsWriter::begin(CentralFacts& facts, const FactsRoom& room) {
  auto database = facts.impl().writer();
  if (!database) return database.error();
  auto transaction = sqlite::Transaction::begin(**database);
  if (!transaction) return transaction.error();
  FactsWriter writer(facts.impl(), room, std::move(*transaction));
  if (auto loaded = writer.load_counts(); !loaded) return loaded.error();
  return writer;
}

Result<void> FactsWriter::commit() {
  if (auto saved = save_counts(); !saved) return saved.error();
  if (auto committed = transaction_->commit(); !committed) return committed.error();
  transaction_.reset();
  impl_->checkpoint();
  return ok();
}

Result<void> FactsWriter::load_counts() {
  auto query = impl_->use(kLoadCount);
  if (!query) return query.error();
  while (true) {
    auto row = (*query)->step();
    if (!row) return row.error();
    if (!*row) return ok();
    Count& one = count(static_cast<FactKind>((*query)->integer(0)));
    one.source = (*query)->text(1);
    one.rows = (*query)->integer(2);
    one.absent = (*query)->integer(3);
    one.value_bytes = (*query)->integer(4);
    if (!(*query)->is_null(5)) one.newest = (*query)->integer(5);
  }
}

Result<void> FactsWriter::save_counts() {
  for (const FactKind kind : kFactKinds) {
    const Count& one = count(kind);
    if (!one.changed) continue;
    auto saved = run(*impl_, kSaveCount, [&](sqlite::Statement& s) {
      s.bind(1, static_cast<std::int64_t>(kind)).bind(2, std::string_view(one.source));
      s.bind(3, one.rows).bind(4, one.absent).bind(5, one.value_bytes);
      if (one.newest) {
        s.bind(6, *one.newest);
      } else {
        s.bind_null(6);
      }
    });
    if (!saved) return saved.error();
  }
  return ok();
}

bool FactsWriter::has_room(std::int64_t rows, std::int64_t bytes) const {
  for (const Count& one : counts_) {
    rows += one.rows + one.absent;
    bytes += one.value_bytes;
  }
  return rows <= room_.rows_max && bytes <= room_.value_bytes_max;
}

Result<std::optional<FactsWriter::Held>> FactsWriter::held(FactKind kind, const std::string& key) {
  auto query = impl_->use(kHeld);
  if (!query) return query.error();
  (*query)->bind(1, static_cast<std::int64_t>(kind)).bind(2, std::string_view(key));
  auto row = (*query)->step();
  if (!row) return row.error();
  if (!*row) return std::optional<Held>();
  return std::optional(Held{(*query)->integer(0), (*query)->text(1), (*query)->text(2), (*query)->text(3)});
}

Result<FactsWriter::Put> FactsWriter::put(FactKind kind, const std::string& key, const std::string& value,
                                          const std::string& etag, const std::string& source,
                                          const FactSeen& seen) {
  auto old = held(kind, key);
  if (!old) return old.error();
  Count& counted = count(kind);
  counted.changed = true;
  counted.source = source;
  counted.newest = number_of(seen.at);
  if (*old && (*old)->value == value && (*old)->source == source) {
    auto confirmed = run(*impl_, kConfirmTagged, [&](sqlite::Statement& s) {
      s.bind(1, static_cast<std::int64_t>(kind)).bind(2, std::string_view(key)).bind(3, number_of(seen.at));
      s.bind(4, seen.from.value).bind(5, seen.by.value).bind(6, std::string_view(etag));
    });
    if (!confirmed) return confirmed.error();
    return Put::kConfirmed;
  }
  CentralFact fact{kind, key, value, etag, source, seen.at, seen.from, seen.by, seen.at, seen.from, seen.by};
  return *old ? replace(**old, fact) : insert(fact);
}

Result<FactsWriter::Put> FactsWriter::insert(const CentralFact& fact) {
  if (!has_room(1, size_of(fact.value))) return Put::kNoRoom;
  return replace(Held{}, fact);
}

/// `old.version` 0: there is none.
Result<FactsWriter::Put> FactsWriter::replace(const Held& old, const CentralFact& fact) {
  const bool is_new = old.version == 0;
  if (!is_new) {
    if (auto kept = keep_earlier(old, fact); !kept) return kept.error();
    if (!has_room(0, size_of(fact.value))) {
      if (auto dropped = forget(old, fact.kind, fact.key); !dropped) return dropped.error();
      return Put::kNoRoom;
    }
  }
  auto written = run(*impl_, kInsert, [&](sqlite::Statement& s) {
    s.bind(1, static_cast<std::int64_t>(fact.kind)).bind(2, std::string_view(fact.key));
    s.bind(3, std::string_view(fact.value)).bind(4, std::string_view(fact.etag));
    s.bind(5, std::string_view(fact.source)).bind(6, number_of(fact.fetched_at));
    s.bind(7, fact.known_from.value).bind(8, fact.known_by.value).bind(9, old.version + 1);
  });
  if (!written) return written.error();
  Count& counted = count(fact.kind);
  counted.value_bytes += size_of(fact.value);
  if (!is_new) --(old.value.empty() ? counted.absent : counted.rows);
  ++(fact.value.empty() ? counted.absent : counted.rows);
  if (fact.kind == FactKind::kCustomer) {
    if (auto set = set_contacts(fact.key, old.value, fact.value); !set) return set.error();
  }
  return is_new ? Put::kNew : Put::kChanged;
}

/// Where there is no room for both, the new one counts and the earlier ones go.
Result<void> FactsWriter::keep_earlier(const Held& old, const CentralFact& fact) {
  const bool fits = has_room(0, size_of(fact.value));
  if (fits) {
    if (auto kept = run_on_key(*impl_, kKeep, fact.kind, fact.key); !kept) return kept.error();
  } else {
    count(fact.kind).value_bytes -= size_of(old.value);
  }
  const std::int64_t up_to = fits ? old.version - CentralFacts::kEarlierVersionsMax : old.version;
  auto dropped = drop_earlier(fact.kind, fact.key, up_to);
  if (!dropped) return dropped.error();
  return ok();
}

/// The bytes that this freed.
Result<std::int64_t> FactsWriter::drop_earlier(FactKind kind, const std::string& key,
                                               std::int64_t up_to_version) {
  if (up_to_version <= 0) return 0;
  const auto bind = [&](sqlite::Statement& s) {
    s.bind(1, static_cast<std::int64_t>(kind)).bind(2, std::string_view(key)).bind(3, up_to_version);
  };
  std::int64_t bytes = 0;
  {
    auto sum = impl_->use(kEarlierBytes);
    if (!sum) return sum.error();
    bind(**sum);
    auto row = (*sum)->step();
    if (!row) return row.error();
    if (*row) bytes = (*sum)->integer(0);
  }
  if (auto dropped = run(*impl_, kDropEarlier, bind); !dropped) return dropped.error();
  count(kind).value_bytes -= bytes;
  return bytes;
}

/// What keep_earlier() found no room for: its value is counted no more.
Result<void> FactsWriter::forget(const Held& old, FactKind kind, const std::string& key) {
  if (auto dropped = run_on_key(*impl_, kForget, kind, key); !dropped) return dropped.error();
  --(old.value.empty() ? count(kind).absent : count(kind).rows);
  if (kind != FactKind::kCustomer) return ok();
  return set_contacts(key, old.value, {});
}

Result<void> FactsWriter::set_contacts(const std::string& customer, const std::string& from,
                                       const std::string& to) {
  const auto before = contacts_in(from), after = contacts_in(to);
  const auto change = [&](const char* sql, const std::vector<std::string>& all,
                          const std::vector<std::string>& but) -> Result<void> {
    for (const std::string& contact : all) {
      if (std::find(but.begin(), but.end(), contact) != but.end()) continue;
      auto done = run(*impl_, sql, [&](sqlite::Statement& s) {
        s.bind(1, std::string_view(contact)).bind(2, std::string_view(customer));
      });
      if (!done) return done.error();
    }
    return ok();
  };
  if (auto dropped = change(kDropContact, before, after); !dropped) return dropped.error();
  return change(kAddContact, after, before);
}

Result<bool> FactsWriter::confirm(FactKind kind, const std::string& key, const FactSeen& seen) {
  auto done = run(*impl_, kConfirm, [&](sqlite::Statement& s) {
    s.bind(1, static_cast<std::int64_t>(kind)).bind(2, std::string_view(key)).bind(3, number_of(seen.at));
    s.bind(4, seen.from.value).bind(5, seen.by.value);
  });
  if (!done) return done.error();
  if (impl_->database->changes() == 0) return false;
  count(kind).changed = true;
  count(kind).newest = number_of(seen.at);
  return true;
}

Result<void> FactsWriter::adopt(const std::string& source, const std::set<FactKind>& kinds) {
  std::string names;
  for (const FactKind kind : kinds) (names += ' ') += fact_kind_name(kind);
  std::optional<std::string> before;
  {
    auto query = impl_->use(kKinds);
    if (!query) return query.error();
    (*query)->bind(1, std::string_view(source));
    auto row = (*query)->step();
    if (!row) return row.error();
    if (*row) before = (*query)->text(0);
  }
  for (const FactKind kind : kinds) {
    if (auto forgotten = forget_kind(kind, source); !forgotten) return forgotten.error();
  }
  if (before == names) return ok();
  return run(*impl_, kAdopt, [&](sqlite::Statement& s) {
    s.bind(1, std::string_view(source)).bind(2, std::string_view(names));
  });
}

Result<void> FactsWriter::forget_kind(FactKind kind, const std::string& but_from) {
  Count& counted = count(kind);
  if (counted.source.empty() || counted.source == but_from) return ok();
  for (const char* sql : {kForgetKind, kForgetKindEarlier, kForgetKindPending, kForgetKindList}) {
    auto done = run(*impl_, sql, [&](sqlite::Statement& s) { s.bind(1, static_cast<std::int64_t>(kind)); });
    if (!done) return done.error();
  }
  const std::string of_kind = "%." + std::string(fact_kind_name(kind));
  auto done =
      run(*impl_, kForgetKindProgress, [&](sqlite::Statement& s) { s.bind(1, std::string_view(of_kind)); });
  if (!done) return done.error();
  if (kind == FactKind::kCustomer) {
    if (auto cleared = impl_->database->execute("DELETE FROM contact"); !cleared) return cleared.error();
  }
  counted = Count{};
  counted.changed = true;
  return ok();
}

Result<void> FactsWriter::set_feed(const std::string& source, const FeedMark& mark) {
  return run(*impl_, kSetFeed, [&](sqlite::Statement& s) {
    s.bind(1, std::string_view(source)).bind(2, std::string_view(mark.cursor));
    if (mark.caught_up_at) {
      s.bind(3, number_of(*mark.caught_up_at));
    } else {
      s.bind_null(3);
    }
    s.bind(4, mark.caught_up_from.value);
  });
}

Result<void> FactsWriter::add_pending(FactKind kind, const std::string& key) {
  return run_on_key(*impl_, kAddPending, kind, key);
}

Result<void> FactsWriter::put_off_pending(FactKind kind, const std::string& key) {
  if (auto dropped = drop_pending(kind, key); !dropped) return dropped.error();
  return add_pending(kind, key);
}

Result<void> FactsWriter::drop_pending(FactKind kind, const std::string& key) {
  return run_on_key(*impl_, kDropPending, kind, key);
}

Result<bool> FactsWriter::want(WantedKind what, const std::string& key) {
  {
    // Numbers are given once and nothing is taken out: the last one is how many there are.
    auto last = impl_->use(kLastWanted);
    if (!last) return last.error();
    auto row = (*last)->step();
    if (!row) return row.error();
    if (*row && (*last)->integer(0) >= room_.wanted_max) return false;
  }
  auto done = run(*impl_, kWant, [&](sqlite::Statement& s) {
    s.bind(1, static_cast<std::int64_t>(what)).bind(2, std::string_view(key));
  });
  if (!done) return done.error();
  return impl_->database->changes() == 1;
}

Result<void> FactsWriter::set_progress(const std::string& name, std::int64_t value) {
  return run(*impl_, kSetProgress,
             [&](sqlite::Statement& s) { s.bind(1, std::string_view(name)).bind(2, value); });
}

Result<void> FactsWriter::set_list_cursor(FactKind kind, const std::string& cursor) {
  return run_on_key(*impl_, kSetListCursor, kind, cursor);
}

Result<void> FactsWriter::set_journal_place(const JournalPlace& place) {
  if (auto cleared = impl_->database->execute("DELETE FROM journal_place"); !cleared) return cleared.error();
  return run(*impl_, kSetPlace, [&](sqlite::Statement& s) {
    s.bind(1, place.sequence.value).bind(2, std::string_view(place.hash_hex));
  });
}

Result<void> FactsWriter::forget_all() {
  counts_ = {};
  return impl_->database->execute(
      "DELETE FROM fact; DELETE FROM earlier; DELETE FROM contact; DELETE FROM fact_count; DELETE FROM feed;"
      "DELETE FROM pending; DELETE FROM wanted; DELETE FROM progress; DELETE FROM list_cursor;"
      "DELETE FROM journal_place");
}

}  // namespace tillsync
