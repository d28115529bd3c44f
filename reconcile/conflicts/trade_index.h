// Where in the journal a SKU moved, a sale came back and a customer was changed: what conflict detection asks
// that the journal's own indexes do not answer. An SQLite file of its own (`trade.db` in the journal's
// folder), made from the journal alone: a cache, begun anew where it is lost, damaged or of another journal.
// Any thread; one call at a time.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "outbox/journal/reader.h"
#include "platform/sqlite/database.h"

namespace tillsync {

/// A SKU's level at central, and up to where the store's movements are settled in it.
struct StockBase {
  std::string value;    ///< central's stock view, JSON; "": central has none
  std::string version;  ///< its ETag
  Sequence asked_at;    ///< the journal's head before central was asked
};

class TradeIndex {
 public:
  static constexpr const char* kFileName = "trade.db";
  /// `folder`: the journal's; `vfs`: as for a journal. kStorage.
  static Result<std::unique_ptr<TradeIndex>> open(const std::string& folder, const std::string& vfs = "");

  /// Takes in the journal's records up to `through`, at most kRecordsMax of them. True once they are in.
  Result<bool> walk(JournalReader& reader, Sequence through);
  static constexpr std::size_t kRecordsMax = 200'000;

  /// Returns journaled before `before` that name this sale by its id or receipt, in journal order.
  Result<std::vector<Sequence>> returns_of(const std::string& sale, Sequence before);

  /// The last customer updates of this number journaled before `before`, at most `limit`, newest first.
  Result<std::vector<Sequence>> updates_of(const std::string& customer, Sequence before, std::size_t limit);

  /// SKUs with movements that are not settled, in an order of their own, from behind `after`.
  Result<std::vector<std::string>> moved_skus(const std::string& after, std::size_t limit);
  /// Documents that moved it and are not settled, in journal order.
  Result<std::vector<Sequence>> moves_of(const std::string& sku);
  Result<std::optional<StockBase>> base(const std::string& sku);
  /// From now on `base` is what is known of central's level, and it has `settled`.
  Result<void> set_base(const std::string& sku, const StockBase& base, const std::vector<Sequence>& settled);

  /// Named marks of how far a pass has come.
  Result<Sequence> progress(const std::string& name);
  Result<void> set_progress(const std::string& name, Sequence sequence);

 private:
  explicit TradeIndex(sqlite::Database database) : database_(std::move(database)) {}
  Result<void> forget_if_foreign(JournalReader& reader);
  Result<Sequence> read_progress(const std::string& name);
  Result<void> write_progress(const std::string& name, Sequence sequence);
  Result<void> take_in(const RawRecord& record);

  std::mutex mutex_;
  sqlite::Database database_;  // guarded by mutex_
};

}  // namespace tillsync
