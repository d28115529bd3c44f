#include "outbox/journal/salvage.h"

#include <filesystem>
#include <limits>

#include "outbox/journal/schema.h"
#include "platform/sqlite/page_scan.h"

namespace tillsync {
namespace {

constexpr std::size_t kColumns = 9;  // of `record`, the sequence (its rowid) first
constexpr const char* kSelect =
    "SELECT sequence, kind, recorded_at, document, body, hash FROM record WHERE sequence > ? ORDER BY "
    "sequence";

constexpr const char* kScratch =
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
    "CREATE TABLE found(sequence INTEGER, kind INTEGER, recorded_at INTEGER, document INTEGER, body BLOB, "
    "hash "
    "BLOB, print BLOB PRIMARY KEY) WITHOUT ROWID;"
    "CREATE INDEX found_sequence ON found(sequence);";

FoundRecord found(sqlite::Statement& row) {
  FoundRecord record{Sequence{row.integer(0)},
                     static_cast<RecordKind>(row.integer(1)),
                     UtcTime(std::chrono::microseconds(row.integer(2))),
                     std::nullopt,
                     row.blob(4),
                     row.blob(5)};
  if (!row.is_null(3)) record.document = Sequence{row.integer(3)};
  return record;
}

bool looks_like_a_record(const sqlite::RawRow& row) {
  const auto& v = row.values;
  return row.rowid > 0 && v[0].is_null && !v[1].is_null && !v[1].is_bytes && !v[2].is_null &&
         !v[2].is_bytes && !v[3].is_bytes && v[7].is_bytes && v[8].is_bytes &&
         v[8].bytes.size() == sizeof(Sha256Digest);
}

/// Two finds are the same where all their fields are.
Sha256Digest print_of(const sqlite::RawRow& row) {
  std::string fields = std::to_string(row.rowid);
  for (const std::size_t i : {1, 2, 3}) fields += ":" + std::to_string(row.values[i].integer);
  fields += ":" + row.values[8].bytes + row.values[7].bytes;
  return sha256(fields);
}

}  // namespace

Result<std::unique_ptr<Salvage>> Salvage::open(const std::string& folder, const std::string& scratch) {
  const std::string path = folder + "/" + kJournalFile;
  if (std::error_code failed; !std::filesystem::exists(path, failed))
    return Error{ErrorKind::kNotFound, "no-journal", "there is no journal at " + path};
  auto finds = sqlite::Database::open(scratch + "/scratch.db", sqlite::OpenMode::kReadWriteCreate);
  if (!finds) return finds.error();
  if (auto made = finds->execute(kScratch); !made) return made.error();
  std::unique_ptr<Salvage> salvage(new Salvage(path, std::move(*finds)));
  auto database = sqlite::Database::open(path, sqlite::OpenMode::kReadOnly);
  if (database) {
    // Or SQLite refuses every page of a file that is shorter than its header says.
    (void)database->execute("PRAGMA writable_schema = 1").has_value();
    auto known = check_journal_schema(*database);
    const bool refused = !known && known.error().kind == ErrorKind::kInvalid;
    if (refused && known.error().code != "journal-too-old") return known.error();
    if (known || refused) salvage->database_.emplace(std::move(*database));
  }
  salvage->rewind();
  return salvage;
}

void Salvage::rewind() {
  reached_ = Sequence{};
  stored_.reset();
  select_.reset();
  stored_ended_ = !database_;
  select_scanned_.reset();
  scanned_.clear();
}

// Steps on; where SQLite says that a page is damaged, ever farther behind it.
void Salvage::find_next_stored() {
  std::int64_t behind = reached_.value;
  std::int64_t stride = 1;
  while (!stored_ && !stored_ended_) {
    if (!select_) {
      auto select = database_->prepare(kSelect);
      if (!select) {
        stored_ended_ = true;
        return;
      }
      select_.emplace(std::move(*select));
      select_->bind(1, behind);
    }
    auto row = select_->step();
    if (row && *row && select_->integer(0) > reached_.value) {
      stored_ = found(*select_);
    } else if (row && !*row) {
      stored_ended_ = true;
    } else {
      select_.reset();
      constexpr auto kFarthest = std::numeric_limits<std::int64_t>::max() / 8;
      if (behind > kFarthest || stride > kFarthest) {
        stored_ended_ = true;
      } else {
        behind += stride;
        stride *= 2;
      }
    }
  }
}

Result<void> Salvage::find_next_scanned() {
  if (!scanned_.empty()) return ok();
  if (!select_scanned_) {
    auto select = scratch_.prepare(
        "SELECT sequence, kind, recorded_at, document, body, hash FROM found WHERE sequence = (SELECT "
        "min(sequence) FROM found WHERE sequence > ?)");
    if (!select) return select.error();
    select_scanned_.emplace(std::move(*select));
  }
  select_scanned_->bind(1, reached_.value);
  while (true) {
    auto row = select_scanned_->step();
    if (!row) return row.error();
    if (!*row) break;
    scanned_.push_back(found(*select_scanned_));
  }
  select_scanned_->reset();
  return ok();
}

Result<std::vector<FoundRecord>> Salvage::next() {
  find_next_stored();
  if (auto looked = find_next_scanned(); !looked) return looked.error();
  std::vector<FoundRecord> records;
  const bool scanned = !scanned_.empty();
  const auto least = stored_ && scanned ? std::min(stored_->sequence, scanned_.front().sequence)
                     : stored_          ? stored_->sequence
                     : scanned          ? scanned_.front().sequence
                                        : Sequence{};
  if (stored_ && stored_->sequence == least) records.push_back(*std::exchange(stored_, std::nullopt));
  if (scanned && scanned_.front().sequence == least) {
    for (auto& record : scanned_) records.push_back(std::move(record));
    scanned_.clear();
  }
  if (!records.empty()) reached_ = least;
  return records;
}

Result<void> Salvage::scan_pages(const std::function<bool(Sequence)>& wanted) {
  auto insert = scratch_.prepare("INSERT OR IGNORE INTO found VALUES(?, ?, ?, ?, ?, ?, ?)");
  if (!insert) return insert.error();
  auto inserted = ok();
  auto scanned = sqlite::scan_leaf_rows(
      path_, kColumns, [&](std::int64_t rowid) { return inserted && wanted(Sequence{rowid}); },
      [&](const sqlite::RawRow& row) {
        if (!inserted || !looks_like_a_record(row)) return;
        const auto print = print_of(row);
        insert->bind(1, row.rowid).bind(2, row.values[1].integer).bind(3, row.values[2].integer);
        if (!row.values[3].is_null) insert->bind(4, row.values[3].integer);
        insert->bind_blob(5, row.values[7].bytes).bind_blob(6, row.values[8].bytes);
        inserted = insert->bind_blob(7, as_bytes(print)).run();
      });
  return scanned ? inserted : scanned;
}

std::optional<JournalHead> Salvage::head() {
  if (!database_) return std::nullopt;
  auto select = database_->prepare("SELECT sequence, hash FROM head");
  if (!select) return std::nullopt;
  auto row = select->step();
  JournalHead head;
  if (!row || !*row || select->blob_view(1).size() != head.hash.size()) return std::nullopt;
  head.sequence = Sequence{select->integer(0)};
  const auto bytes = select->blob_view(1);
  std::copy(bytes.begin(), bytes.end(), head.hash.begin());
  return head;
}

std::vector<PrunedRange> Salvage::gaps() {
  std::vector<PrunedRange> ranges;
  if (!database_) return ranges;
  auto select = database_->prepare("SELECT first, last, hash FROM gap");
  if (!select) return ranges;
  while (true) {
    auto row = select->step();
    if (!row || !*row) return ranges;
    ranges.push_back(PrunedRange{Sequence{select->integer(0)}, Sequence{select->integer(1)},
                                 to_hex(select->blob_view(2))});
  }
}

std::vector<std::string> Salvage::paused_targets() {
  std::vector<std::string> targets;
  if (!database_) return targets;
  auto select = database_->prepare("SELECT target FROM lane WHERE paused = 1 ORDER BY target");
  if (!select) return targets;
  while (true) {
    auto row = select->step();
    if (!row || !*row) return targets;
    targets.push_back(select->text(0));
  }
}

void Salvage::for_each_key(const std::function<void(const std::string&, Sequence)>& visit) {
  if (!database_) return;
  auto select = database_->prepare("SELECT key, document FROM idempotency_key");
  if (!select) return;
  while (true) {
    auto row = select->step();
    if (!row || !*row) return;
    visit(select->text(0), Sequence{select->integer(1)});
  }
}

}  // namespace tillsync
