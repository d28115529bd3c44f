#include "reconcile/conflicts/trade_index.h"

#include <set>
#include <variant>

#include "outbox/document/codec.h"
#include "reconcile/central_view/cache_file.h"

namespace tillsync {
namespace {

constexpr CacheFile kFile = {TradeIndex::kFileName, 2, R"(
CREATE TABLE returned (sale TEXT NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (sale, document)) WITHOUT ROWID;
CREATE TABLE updated (customer TEXT NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (customer, document)) WITHOUT ROWID;
CREATE TABLE moved (sku TEXT NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (sku, document)) WITHOUT ROWID;
CREATE TABLE base (sku TEXT PRIMARY KEY, value TEXT NOT NULL, version TEXT NOT NULL, asked_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE progress (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL, hash TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 2;
)"};
constexpr const char* kWalked = "walked";
constexpr std::size_t kRecordsAtOnce = 500;

std::set<std::string> skus_of(const Document& document) {
  std::set<std::string> skus;
  std::visit(
      [&skus](const auto& content) {
        if constexpr (requires { content.lines; }) {
          for (const auto& line : content.lines) skus.insert(line.sku);
        }
      },
      document.content);
  return skus;
}

std::set<std::string> sales_of(const Document& document) {
  std::set<std::string> sales;
  const auto* trade = std::get_if<Trade>(&document.content);
  if (document.type != DocumentType::kReturn || trade == nullptr || !trade->original) return sales;
  for (const auto& name : {trade->original->id, trade->original->receipt}) {
    if (name) sales.insert(*name);
  }
  return sales;
}

std::set<std::string> customers_of(const Document& document) {
  if (document.type != DocumentType::kCustomerUpdate || !document.customer) return {};
  return {*document.customer};
}

template <class Value, class Read>
Result<std::vector<Value>> read_all(sqlite::Statement& select, Read read) {
  std::vector<Value> values;
  while (true) {
    auto row = select.step();
    if (!row) return row.error();
    if (!*row) return values;
    values.push_back(read(select));
  }
}

Sequence first_sequence(const sqlite::Statement& row) {
  return Sequence{row.integer(0)};
}

}  // namespace

Result<std::unique_ptr<TradeIndex>> TradeIndex::open(const std::string& folder, const std::string& vfs) {
  auto database = open_cache_for_writing(folder, kFile, vfs);
  if (!database) return database.error();
  return std::unique_ptr<TradeIndex>(new TradeIndex(std::move(*database)));
}

/// A backup that was brought back has another record where the walk stood, or none.
Result<void> TradeIndex::forget_if_foreign(JournalReader& reader) {
  auto select = database_.prepare("SELECT sequence, hash FROM progress WHERE name = ?");
  if (!select) return select.error();
  auto row = select->bind(1, kWalked).step();
  if (!row) return row.error();
  if (!*row) return ok();
  const Sequence at{select->integer(0)};
  const auto hash = select->text(1);
  auto record = reader.records(Sequence{at.value - 1}, 1);
  if (!record) return record.error();
  // Retention may have taken the very record: then the next one follows, and the journal is the same.
  if (!record->empty() && (record->front().sequence > at || record->front().hash_hex == hash)) return ok();
  return database_.execute(
      "DELETE FROM returned; DELETE FROM updated; DELETE FROM moved; DELETE FROM base; DELETE FROM progress");
}

Result<Sequence> TradeIndex::read_progress(const std::string& name) {
  auto select = database_.prepare("SELECT sequence FROM progress WHERE name = ?");
  if (!select) return select.error();
  auto row = select->bind(1, name).step();
  if (!row) return row.error();
  return *row ? Sequence{select->integer(0)} : Sequence{};
}

Result<void> TradeIndex::write_progress(const std::string& name, Sequence sequence) {
  auto put = database_.prepare(
      "INSERT INTO progress VALUES(?, ?, '') ON CONFLICT DO UPDATE SET sequence = excluded.sequence");
  if (!put) return put.error();
  return put->bind(1, name).bind(2, sequence.value).run();
}

Result<void> TradeIndex::take_in(const RawRecord& record) {
  if (record.kind != RecordKind::kDocument) return ok();
  auto parts = decode_document_record(record.body);
  if (!parts) return parts.error();
  auto document = decode_document(parts->document);
  if (!document) return document.error();
  for (const auto& [sql, names] :
       {std::pair("INSERT OR IGNORE INTO moved VALUES(?, ?)", skus_of(*document)),
        std::pair("INSERT OR IGNORE INTO returned VALUES(?, ?)", sales_of(*document)),
        std::pair("INSERT OR IGNORE INTO updated VALUES(?, ?)", customers_of(*document))}) {
    for (const auto& name : names) {
      auto insert = database_.prepare(sql);
      if (!insert) return insert.error();
      if (auto done = insert->bind(1, name).bind(2, record.sequence.value).run(); !done) return done.error();
    }
  }
  return ok();
}

Result<bool> TradeIndex::walk(JournalReader& reader, Sequence through) {
  const std::lock_guard lock(mutex_);
  if (auto known = forget_if_foreign(reader); !known) return known.error();
  auto walked = read_progress(kWalked);
  if (!walked) return walked.error();
  for (std::size_t records = 0; *walked < through; records += kRecordsAtOnce) {
    if (records >= kRecordsMax) return false;
    auto page = reader.records(*walked, kRecordsAtOnce);
    if (!page) return page.error();
    if (page->empty()) return true;
    auto transaction = sqlite::Transaction::begin(database_);
    if (!transaction) return transaction.error();
    for (const auto& record : *page) {
      if (auto taken = reader.noted(take_in(record)); !taken) return taken.error();
    }
    auto put = database_.prepare("INSERT OR REPLACE INTO progress VALUES(?, ?, ?)");
    if (!put) return put.error();
    const auto& last = page->back();
    if (auto done = put->bind(1, kWalked).bind(2, last.sequence.value).bind(3, last.hash_hex).run(); !done)
      return done.error();
    if (auto committed = transaction->commit(); !committed) return committed.error();
    *walked = last.sequence;
  }
  return true;
}

Result<std::vector<Sequence>> TradeIndex::returns_of(const std::string& sale, Sequence before) {
  const std::lock_guard lock(mutex_);
  auto select =
      database_.prepare("SELECT document FROM returned WHERE sale = ? AND document < ? ORDER BY document");
  if (!select) return select.error();
  select->bind(1, sale).bind(2, before.value);
  return read_all<Sequence>(*select, first_sequence);
}

Result<std::vector<Sequence>> TradeIndex::updates_of(const std::string& customer, Sequence before,
                                                     std::size_t limit) {
  const std::lock_guard lock(mutex_);
  auto select = database_.prepare(
      "SELECT document FROM updated WHERE customer = ? AND document < ? ORDER BY document DESC LIMIT ?");
  if (!select) return select.error();
  select->bind(1, customer).bind(2, before.value).bind(3, static_cast<std::int64_t>(limit));
  return read_all<Sequence>(*select, first_sequence);
}

Result<std::vector<std::string>> TradeIndex::moved_skus(const std::string& after, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  auto select = database_.prepare("SELECT DISTINCT sku FROM moved WHERE sku > ? ORDER BY sku LIMIT ?");
  if (!select) return select.error();
  select->bind(1, after).bind(2, static_cast<std::int64_t>(limit));
  return read_all<std::string>(*select, [](const sqlite::Statement& row) { return row.text(0); });
}

Result<std::vector<Sequence>> TradeIndex::moves_of(const std::string& sku) {
  const std::lock_guard lock(mutex_);
  auto select = database_.prepare("SELECT document FROM moved WHERE sku = ? ORDER BY document");
  if (!select) return select.error();
  select->bind(1, sku);
  return read_all<Sequence>(*select, first_sequence);
}

Result<std::optional<StockBase>> TradeIndex::base(const std::string& sku) {
  const std::lock_guard lock(mutex_);
  auto select = database_.prepare("SELECT value, version, asked_at FROM base WHERE sku = ?");
  if (!select) return select.error();
  auto row = select->bind(1, sku).step();
  if (!row) return row.error();
  if (!*row) return std::optional<StockBase>();
  return std::optional(StockBase{select->text(0), select->text(1), Sequence{select->integer(2)}});
}

Result<void> TradeIndex::set_base(const std::string& sku, const StockBase& base,
                                  const std::vector<Sequence>& settled) {
  const std::lock_guard lock(mutex_);
  auto transaction = sqlite::Transaction::begin(database_);
  if (!transaction) return transaction.error();
  auto put = database_.prepare("INSERT OR REPLACE INTO base VALUES(?, ?, ?, ?)");
  if (!put) return put.error();
  put->bind(1, sku).bind(2, base.value).bind(3, base.version).bind(4, base.asked_at.value);
  if (auto done = put->run(); !done) return done.error();
  auto remove = database_.prepare("DELETE FROM moved WHERE sku = ? AND document = ?");
  if (!remove) return remove.error();
  for (const auto document : settled) {
    if (auto done = remove->bind(1, sku).bind(2, document.value).run(); !done) return done.error();
  }
  return transaction->commit();
}

Result<Sequence> TradeIndex::progress(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return read_progress(name);
}

Result<void> TradeIndex::set_progress(const std::string& name, Sequence sequence) {
  const std::lock_guard lock(mutex_);
  return write_progress(name, sequence);
}

}  // namespace tillsync
