// SQLite behind RAII and Result. Own, not SQLiteCpp: failures here are values that carry SQLite's extended
// code (a full disk, a failed fsync and a broken constraint are told apart by callers), and any VFS can be
// put beneath.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "platform/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tillsync::sqlite {

enum class OpenMode {
  kReadWriteCreate,
  kReadOnly,  ///< may still create the -shm file beside a WAL database
};

class Statement;

/// One connection; used by one thread at a time.
class Database {
 public:
  /// `vfs`: the name of a registered SQLite VFS, "" for the platform's own. Busy timeout 5 s.
  static Result<Database> open(const std::string& path, OpenMode mode, const std::string& vfs = "");
  Database(Database&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), wal_pages_(std::move(other.wal_pages_)) {}
  Database& operator=(Database&& other) noexcept;
  Database(const Database&) = delete;
  ~Database();

  /// Runs one or more statements that return no rows.
  Result<void> execute(const char* sql);
  Result<Statement> prepare(std::string_view sql);
  /// First column of the first row of a query, or nothing where there is no row.
  Result<std::optional<std::int64_t>> query_integer(std::string_view sql);
  Result<std::optional<std::string>> query_text(std::string_view sql);
  std::int64_t changes() const;
  /// A read-write connection never checkpoints by itself; its owner runs `PRAGMA wal_checkpoint` (and never
  /// sets wal_autocheckpoint, which would end this count). Pages that the write-ahead log held after this
  /// connection's last commit; it starts over once all of it is checkpointed.
  std::int64_t wal_pages() const { return wal_pages_ ? *wal_pages_ : 0; }
  sqlite3* handle() const { return handle_; }

 private:
  explicit Database(sqlite3* handle) : handle_(handle), wal_pages_(std::make_unique<std::int64_t>(0)) {}
  sqlite3* handle_;
  std::unique_ptr<std::int64_t> wal_pages_;  // SQLite holds its address
};

/// A prepared statement. Bind by position from 1; text and blobs are copied unless said otherwise.
class Statement {
 public:
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  ~Statement();

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::string_view text);
  Statement& bind_blob(int index, std::string_view bytes);  ///< `bytes` must live until the next reset()
  Statement& bind_null(int index);

  /// True while there is a row. A failed bind shows here too.
  Result<bool> step();
  /// step() to the end, for statements without rows; then reset().
  Result<void> run();
  /// Ready for new bindings; drops the old ones.
  void reset();

  std::int64_t integer(int column) const;
  std::string text(int column) const;
  std::string blob(int column) const;
  std::string_view blob_view(int column) const;  ///< valid until the next step() or reset()
  bool is_null(int column) const;

 private:
  friend class Database;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  sqlite3_stmt* statement_;
  int bind_error_ = 0;
};

/// BEGIN IMMEDIATE ... COMMIT; rolls back when destroyed before commit().
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  /// Durable once this returns ok (the connection's synchronous setting decides what durable means).
  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

/// Error::code of a full disk: "storage-full"; of other I/O trouble "storage-io"; of damage
/// "storage-corrupt"; of a database that another process holds "storage-busy"; of a broken constraint
/// "constraint"; else "sqlite".
Error error_of(sqlite3* handle, int code, std::string_view doing);

}  // namespace tillsync::sqlite
