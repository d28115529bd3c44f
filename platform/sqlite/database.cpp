#include "platform/sqlite/database.h"

#include <sqlite3.h>

namespace tillsync::sqlite {
namespace {

std::string_view storage_code(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "storage-full";
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return "storage-io";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "storage-corrupt";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "storage-busy";
    case SQLITE_CONSTRAINT:
      return "constraint";
    default:
      return "sqlite";
  }
}

}  // namespace

Error error_of(sqlite3* handle, int code, std::string_view doing) {
  const std::string_view name = storage_code(code);
  std::string detail(doing);
  detail += ": ";
  detail += handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  detail += " (SQLite " + std::to_string(code) + ")";
  const ErrorKind kind = name == "storage-corrupt" ? ErrorKind::kCorrupt : ErrorKind::kStorage;
  return Error{kind, std::string(name), std::move(detail)};
}

Result<Database> Database::open(const std::string& path, OpenMode mode, const std::string& vfs) {
  sqlite3* handle = nullptr;
  const int flags =
      (mode == OpenMode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, vfs.empty() ? nullptr : vfs.c_str());
  Database database(handle);
  if (code != SQLITE_OK) return error_of(handle, code, "cannot open " + path);
  sqlite3_busy_timeout(handle, 5000);
  if (mode == OpenMode::kReadWriteCreate) {
    sqlite3_wal_hook(  // takes the place of SQLite's own, which would checkpoint by itself
        handle,
        [](void* pages, sqlite3*, const char*, int count) {
          *static_cast<std::int64_t*>(pages) = count;
          return SQLITE_OK;
        },
        database.wal_pages_.get());
  }
  return database;
}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(wal_pages_, other.wal_pages_);
  return *this;
}

Database::~Database() {
  if (handle_ != nullptr) sqlite3_close_v2(handle_);
}

Result<void> Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error_of(handle_, code, sql);
  return ok();
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return error_of(handle_, code, sql);
  return Statement(statement);
}

Result<std::optional<std::int64_t>> Database::query_integer(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return statement.error();
  auto row = statement->step();
  if (!row) return row.error();
  if (!*row || statement->is_null(0)) return std::optional<std::int64_t>();
  return std::optional<std::int64_t>(statement->integer(0));
}

Result<std::optional<std::string>> Database::query_text(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return statement.error();
  auto row = statement->step();
  if (!row) return row.error();
  if (!*row || statement->is_null(0)) return std::optional<std::string>();
  return std::optional<std::string>(statement->text(0));
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(handle_);
}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  std::swap(bind_error_, other.bind_error_);
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::bind(int index, std::int64_t value) {
  if (const int code = sqlite3_bind_int64(statement_, index, value); code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  const int code = sqlite3_bind_text(statement_, index, text.empty() ? "" : text.data(),
                                     static_cast<int>(text.size()), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
  const int code = sqlite3_bind_blob(statement_, index, bytes.empty() ? "" : bytes.data(),
                                     static_cast<int>(bytes.size()), SQLITE_STATIC);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind_null(int index) {
  if (const int code = sqlite3_bind_null(statement_, index); code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Result<bool> Statement::step() {
  if (bind_error_ != 0) {
    return error_of(sqlite3_db_handle(statement_), std::exchange(bind_error_, 0), sqlite3_sql(statement_));
  }
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error error = error_of(sqlite3_db_handle(statement_), code, sqlite3_sql(statement_));
  sqlite3_reset(statement_);
  return error;
}

Result<void> Statement::run() {
  while (true) {
    auto row = step();
    if (!row) {
      reset();
      return row.error();
    }
    if (!*row) break;
  }
  reset();
  return ok();
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  bind_error_ = 0;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return data == nullptr
             ? std::string()
             : std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

std::string Statement::blob(int column) const {
  return std::string(blob_view(column));
}

std::string_view Statement::blob_view(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return data == nullptr
             ? std::string_view()
             : std::string_view(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<Transaction> Transaction::begin(Database& database) {
  if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return begun.error();
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ != nullptr && sqlite3_get_autocommit(database_->handle()) == 0) {
    sqlite3_exec(database_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Result<void> Transaction::commit() {
  auto committed = database_->execute("COMMIT");
  if (!committed) return committed.error();
  database_ = nullptr;
  return ok();
}

}  // namespace tillsync::sqlite
