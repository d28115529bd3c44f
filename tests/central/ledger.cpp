#include "tests/central/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "platform/crypto/sha256.h"
#include "tests/central/money.h"

namespace tillsync::central {
namespace {

constexpr const char* kSchema = R"(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS effect(
  id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, reference TEXT NOT NULL, step TEXT NOT NULL,
  store TEXT NOT NULL, sequence INTEGER NOT NULL, type TEXT NOT NULL, business_day TEXT NOT NULL,
  recorded_at TEXT NOT NULL, currency TEXT, total TEXT, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS effect_by_reference ON effect(target, reference, step);
CREATE TABLE IF NOT EXISTS return_of(
  target TEXT NOT NULL, original TEXT NOT NULL, effect INTEGER NOT NULL, PRIMARY KEY(target, original, effect)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS effect_by_day ON effect(target, store, business_day, id);
CREATE TABLE IF NOT EXISTS row_digest(
  target TEXT NOT NULL, store TEXT NOT NULL, business_day TEXT NOT NULL, row_key TEXT NOT NULL, effect INTEGER NOT NULL,
  word0 INTEGER NOT NULL, word1 INTEGER NOT NULL, word2 INTEGER NOT NULL, word3 INTEGER NOT NULL,
  PRIMARY KEY(target, store, business_day, row_key, effect)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS idempotency_key(
  target TEXT NOT NULL, key TEXT NOT NULL, effect INTEGER NOT NULL, digest TEXT NOT NULL, created_ms INTEGER NOT NULL,
  PRIMARY KEY(target, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact(
  target TEXT NOT NULL, path TEXT NOT NULL, json TEXT NOT NULL, version INTEGER NOT NULL,
  PRIMARY KEY(target, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS change(
  id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, path TEXT NOT NULL, version INTEGER NOT NULL);
)";

// The order of kSql.
enum StatementIndex {
  kFindKey,
  kPutKey,
  kInsertEffect,
  kByReference,
  kByStep,
  kByDay,
  kByStore,
  kAll,
  kFindFact,
  kPutFact,
  kPutChange,
  kChanges,
  kLastChange,
  kPutReturn,
  kReturnsOf,
  kCountEffects,
  kCountDocuments,
  kDoubles,
  kByType,
  kInsertDigest,
  kDigestsByDay,
  kDigestsByPrefix,
  kEffectsByPrefix,
  kById,
};

#define EFFECT_ROW \
  "SELECT id, reference, step, store, sequence, type, recorded_at, currency, total, document FROM effect "
constexpr const char* kSql[] = {
    "SELECT effect, digest, created_ms FROM idempotency_key WHERE target = ? AND key = ?",
    "INSERT OR REPLACE INTO idempotency_key(target, key, effect, digest, created_ms) VALUES (?, ?, ?, ?, ?)",
    "INSERT INTO effect(target, reference, step, store, sequence, type, business_day, recorded_at, currency, "
    "total, "
    "document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    EFFECT_ROW "WHERE target = ? AND reference = ? ORDER BY id",
    EFFECT_ROW "WHERE target = ? AND reference = ? AND step = ? ORDER BY id",
    EFFECT_ROW "WHERE target = ? AND store = ? AND business_day = ? AND id > ? ORDER BY id LIMIT ?",
    EFFECT_ROW "WHERE target = ? AND store = ? AND id > ? ORDER BY id LIMIT ?",
    EFFECT_ROW "WHERE target = ? AND id > ? ORDER BY id LIMIT ?",
    "SELECT json, version FROM fact WHERE target = ? AND path = ?",
    "INSERT INTO fact(target, path, json, version) VALUES (?, ?, ?, 1) "
    "ON CONFLICT(target, path) DO UPDATE SET json = excluded.json, version = version + 1",
    "INSERT INTO change(target, path, version) SELECT target, path, version FROM fact WHERE target = ? AND "
    "path = ?",
    "SELECT id, path, version FROM change WHERE target = ? AND id > ? ORDER BY id LIMIT ?",
    "SELECT coalesce(max(id), 0) FROM change WHERE target = ?",
    "INSERT INTO return_of(target, original, effect) VALUES (?, ?, ?)",
    EFFECT_ROW "WHERE id IN (SELECT effect FROM return_of WHERE target = ? AND original = ?) ORDER BY id",
    "SELECT COUNT(*) FROM effect WHERE target = ?",
    "SELECT COUNT(*) FROM (SELECT DISTINCT reference, step FROM effect WHERE target = ?)",
    "SELECT reference, step, COUNT(*) FROM effect WHERE target = ? GROUP BY reference, step HAVING COUNT(*) "
    "> 1 LIMIT 100",
    "SELECT type, COUNT(*) FROM effect WHERE target = ? GROUP BY type ORDER BY type",
    "INSERT INTO row_digest VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "SELECT business_day, COUNT(*), SUM(word0), SUM(word1), SUM(word2), SUM(word3) FROM row_digest "
    "WHERE target = ? AND store = ? AND business_day BETWEEN ? AND ? GROUP BY 1",
    "SELECT substr(row_key, 1, ?), COUNT(*), SUM(word0), SUM(word1), SUM(word2), SUM(word3) FROM row_digest "
    "WHERE target = ? AND store = ? AND business_day = ? AND row_key >= ? AND row_key < ? GROUP BY 1",
    "SELECT effect FROM row_digest "
    "WHERE target = ? AND store = ? AND business_day = ? AND row_key >= ? AND row_key < ? AND effect > ?",
    EFFECT_ROW "WHERE id = ?",
};
#undef EFFECT_ROW

constexpr const char* kBehindDigits = "g";  // behind every hexadecimal digit

template <class T>
T must(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "central: the ledger failed: {}\n", result.error().detail);
    std::exit(4);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::int64_t now_ms(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock.utc_now().time_since_epoch()).count();
}

/// "STORE/ID" of the sale that a return names by its id; its own store's where it names none.
std::optional<std::string> original_of(const Post& post) {
  const json::Value* original = post.document.find("original");
  if (post.document.text_of("type") != "return" || original == nullptr) return std::nullopt;
  const std::string_view id = original->text_of("id"), store = original->text_of("store");
  if (id.empty()) return std::nullopt;
  return fmt::format("{}/{}", store.empty() ? post.store : store, id);
}

std::string digest_of(const json::Value& document) {
  return to_hex(sha256(json::dump_normalized(document)));
}

}  // namespace

std::string central_reference(const std::string& target, std::int64_t effect) {
  std::string name;
  for (const char c : target) name.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  return fmt::format("{}-{:07}", name, effect);
}

Ledger::Ledger(sqlite::Database database, const Clock& clock)
    : database_(std::move(database)), clock_(&clock) {}

Result<Ledger> Ledger::open(const std::string& path, const Clock& clock) {
  auto database = sqlite::Database::open(path, sqlite::OpenMode::kReadWriteCreate);
  if (!database) return database.error();
  if (const auto made = database->execute(kSchema); !made) return made.error();
  Ledger ledger(std::move(*database), clock);
  if (const auto prepared = ledger.prepare(); !prepared) return prepared.error();
  return ledger;
}

Result<void> Ledger::prepare() {
  for (const char* sql : kSql) {
    auto statement = database_.prepare(sql);
    if (!statement) return statement.error();
    statements_.push_back(std::move(*statement));
  }
  return ok();
}

std::vector<Taken> Ledger::take(const std::string& target, const std::vector<Post>& posts,
                                std::optional<std::int64_t> forget_after_s) {
  auto transaction = must(sqlite::Transaction::begin(database_));
  std::vector<Taken> out;
  for (const Post& post : posts) out.push_back(take_one(target, post, forget_after_s));
  must(transaction.commit());
  return out;
}

Taken Ledger::take_one(const std::string& target, const Post& post,
                       std::optional<std::int64_t> forget_after_s) {
  const std::string digest = digest_of(post.document);
  const std::int64_t now = now_ms(*clock_);
  auto& find = statements_[kFindKey];
  find.bind(1, target).bind(2, post.key);
  std::optional<Taken> known;
  if (must(find.step()) && (!forget_after_s || now - find.integer(2) < *forget_after_s * 1000)) {
    const bool same = find.text(1) == digest;
    known = Taken{same ? Taken::How::kKnown : Taken::How::kKeyReused, find.integer(0)};
  }
  find.reset();
  if (known) return *known;
  const std::int64_t effect = insert(target, post);
  must(statements_[kPutKey]
           .bind(1, target)
           .bind(2, post.key)
           .bind(3, effect)
           .bind(4, digest)
           .bind(5, now)
           .run());
  return Taken{Taken::How::kNew, effect};
}

std::int64_t Ledger::insert(const std::string& target, const Post& post) {
  const auto total = document_total_text(post.document);
  auto& statement = statements_[kInsertEffect];
  statement.bind(1, target)
      .bind(2, post.reference)
      .bind(3, post.step)
      .bind(4, post.store)
      .bind(5, post.sequence);
  statement.bind(6, post.document.text_of("type")).bind(7, post.document.text_of("business_day"));
  statement.bind(8, format_utc(clock_->utc_now()));
  if (total) {
    statement.bind(9, post.document.text_of("currency")).bind(10, *total);
  } else {
    statement.bind_null(9).bind_null(10);
  }
  must(statement.bind(11, json::dump(post.document)).run());
  const std::int64_t id = *must(database_.query_integer("SELECT last_insert_rowid()"));
  insert_digest(target, id, post, total);
  if (const auto original = original_of(post)) {
    must(statements_[kPutReturn].bind(1, target).bind(2, *original).bind(3, id).run());
  }
  if (post.document.text_of("type") == "customer_update") apply_customer_update(target, post.document);
  return id;
}

void Ledger::insert_digest(const std::string& target, std::int64_t effect, const Post& post,
                           const std::optional<std::string>& total) {
  const RowDigest digest = digest_of_row(json::Object{
      {"reference", post.reference},
      {"step", post.step},
      {"total", total ? json::Value(*total) : json::Value()},
      {"currency", total ? json::Value(post.document.text_of("currency")) : json::Value()},
      {"document", post.document},
  });
  auto& statement = statements_[kInsertDigest];
  statement.bind(1, target).bind(2, post.store).bind(3, post.document.text_of("business_day"));
  statement.bind(4, digest.key).bind(5, effect);
  for (std::size_t i = 0; i < digest.words.size(); ++i)
    statement.bind(static_cast<int>(6 + i), digest.words[i]);
  must(statement.run());
}

/// Central's own customer record follows what the store posts, field by field.
void Ledger::apply_customer_update(const std::string& target, const json::Value& document) {
  const std::string path = "/customers/" + std::string(document.text_of("customer"));
  const json::Value* changes = document.find("changes");
  if (changes == nullptr || changes->as_object() == nullptr) return;
  const auto held = fact(target, path);
  json::Value customer = json::Object{{"id", document.text_of("customer")}};
  if (held && held->json != "null") customer = must(json::parse(held->json));
  for (const auto& [name, value] : *changes->as_object()) {
    json::Object& members = *customer.as_object();
    const auto found =
        std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.first == name; });
    if (found == members.end()) {
      members.emplace_back(name, value);
    } else {
      found->second = value;
    }
  }
  set_fact(target, path, json::dump(customer));
}

std::vector<Effect> Ledger::rows(sqlite::Statement& statement) {
  std::vector<Effect> out;
  while (must(statement.step())) {
    Effect effect;
    effect.id = statement.integer(0);
    effect.reference = statement.text(1);
    effect.step = statement.text(2);
    effect.store = statement.text(3);
    effect.sequence = statement.integer(4);
    effect.type = statement.text(5);
    effect.recorded_at = statement.text(6);
    if (!statement.is_null(7)) effect.currency = statement.text(7);
    if (!statement.is_null(8)) effect.total = statement.text(8);
    effect.document = statement.text(9);
    out.push_back(std::move(effect));
  }
  statement.reset();
  return out;
}

std::vector<Effect> Ledger::by_reference(const std::string& target, const std::string& reference,
                                         const std::string& step) {
  auto& statement = statements_[step.empty() ? kByReference : kByStep];
  statement.bind(1, target).bind(2, reference);
  if (!step.empty()) statement.bind(3, step);
  return rows(statement);
}

std::vector<Effect> Ledger::by_day(const std::string& target, const std::string& store,
                                   const std::string& day, std::int64_t after, std::int64_t limit) {
  if (day.empty()) {
    return rows(statements_[kByStore].bind(1, target).bind(2, store).bind(3, after).bind(4, limit));
  }
  return rows(statements_[kByDay].bind(1, target).bind(2, store).bind(3, day).bind(4, after).bind(5, limit));
}

std::vector<Effect> Ledger::by_prefix(const std::string& target, const std::string& store,
                                      const std::string& day, const std::vector<std::string>& prefixes,
                                      std::int64_t after, std::int64_t limit) {
  std::vector<std::int64_t> ids;
  auto& keys = statements_[kEffectsByPrefix];
  for (const std::string& prefix : prefixes) {
    keys.bind(1, target).bind(2, store).bind(3, day).bind(4, prefix).bind(5, prefix + kBehindDigits);
    keys.bind(6, after);
    while (must(keys.step())) ids.push_back(keys.integer(0));
    keys.reset();
  }
  std::sort(ids.begin(), ids.end());
  if (ids.size() > static_cast<std::size_t>(limit)) ids.resize(static_cast<std::size_t>(limit));
  std::vector<Effect> out;
  for (const std::int64_t id : ids) out.push_back(std::move(rows(statements_[kById].bind(1, id)).at(0)));
  return out;
}

std::map<std::string, RangeDigest> Ledger::digests_by_day(const std::string& target, const std::string& store,
                                                          const std::string& from, const std::string& to) {
  return digests(statements_[kDigestsByDay].bind(1, target).bind(2, store).bind(3, from).bind(4, to));
}

std::map<std::string, RangeDigest> Ledger::digests_by_prefix(const std::string& target,
                                                             const std::string& store, const std::string& day,
                                                             const std::string& prefix) {
  auto& statement = statements_[kDigestsByPrefix];
  statement.bind(1, static_cast<std::int64_t>(prefix.size() + 1)).bind(2, target).bind(3, store).bind(4, day);
  return digests(statement.bind(5, prefix).bind(6, prefix + kBehindDigits));
}

std::map<std::string, RangeDigest> Ledger::digests(sqlite::Statement& statement) {
  std::map<std::string, RangeDigest> out;
  while (must(statement.step())) {
    RangeDigest digest{statement.integer(1), {}};
    for (std::size_t i = 0; i < digest.sums.size(); ++i)
      digest.sums[i] = statement.integer(static_cast<int>(2 + i));
    out.emplace(statement.text(0), digest);
  }
  statement.reset();
  return out;
}

std::vector<Effect> Ledger::returns_of(const std::string& target, const std::string& original) {
  return rows(statements_[kReturnsOf].bind(1, target).bind(2, original));
}

std::vector<Effect> Ledger::all(const std::string& target, std::int64_t after, std::int64_t limit) {
  return rows(statements_[kAll].bind(1, target).bind(2, after).bind(3, limit));
}

Summary Ledger::summary(const std::string& target) {
  const auto count = [&](StatementIndex index) {
    auto& statement = statements_[index];
    statement.bind(1, target);
    const std::int64_t value = must(statement.step()) ? statement.integer(0) : 0;
    statement.reset();
    return value;
  };
  Summary out;
  out.effects = count(kCountEffects);
  out.documents = count(kCountDocuments);
  auto& doubles = statements_[kDoubles].bind(1, target);
  while (must(doubles.step())) out.doubles.push_back({doubles.text(0), doubles.text(1), doubles.integer(2)});
  doubles.reset();
  auto& types = statements_[kByType].bind(1, target);
  while (must(types.step())) out.by_type.emplace_back(types.text(0), types.integer(1));
  types.reset();
  return out;
}

std::optional<Fact> Ledger::fact(const std::string& target, const std::string& path) {
  auto& statement = statements_[kFindFact].bind(1, target).bind(2, path);
  std::optional<Fact> out;
  if (must(statement.step())) out = Fact{statement.text(0), statement.integer(1)};
  statement.reset();
  return out;
}

void Ledger::set_fact(const std::string& target, const std::string& path, const std::string& json) {
  must(statements_[kPutFact].bind(1, target).bind(2, path).bind(3, json).run());
  must(statements_[kPutChange].bind(1, target).bind(2, path).run());
}

std::int64_t Ledger::last_change(const std::string& target) {
  auto& statement = statements_[kLastChange].bind(1, target);
  const std::int64_t last = must(statement.step()) ? statement.integer(0) : 0;
  statement.reset();
  return last;
}

std::vector<Change> Ledger::changes(const std::string& target, std::int64_t since, std::int64_t limit) {
  auto& statement = statements_[kChanges].bind(1, target).bind(2, since).bind(3, limit);
  std::vector<Change> out;
  while (must(statement.step()))
    out.push_back({statement.integer(0), statement.text(1), statement.integer(2)});
  statement.reset();
  return out;
}

void Ledger::reset(const std::string& target) {
  auto transaction = must(sqlite::Transaction::begin(database_));
  for (const char* table : {"effect", "row_digest", "idempotency_key", "fact", "change", "return_of"}) {
    auto statement = must(database_.prepare(fmt::format("DELETE FROM {} WHERE target = ?", table)));
    must(statement.bind(1, target).run());
  }
  must(transaction.commit());
}

}  // namespace tillsync::central
