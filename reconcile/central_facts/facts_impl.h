// What a CentralFacts consists of. Internal to this folder.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "platform/sqlite/database.h"
#include "reconcile/central_facts/central_facts.h"

namespace tillsync {

/// A prepared statement that is used once more; made ready for the next use when this ends.
class UsedStatement {
 public:
  explicit UsedStatement(sqlite::Statement& statement) : statement_(&statement) {}
  UsedStatement(UsedStatement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  UsedStatement& operator=(UsedStatement&&) = delete;
  ~UsedStatement() {
    if (statement_ != nullptr) statement_->reset();
  }
  sqlite::Statement* operator->() { return statement_; }
  sqlite::Statement& operator*() { return *statement_; }

 private:
  sqlite::Statement* statement_;
};

struct CentralFacts::Impl {
  std::optional<sqlite::Database> database;  ///< nothing: holds nothing, read-only
  bool writable = false;
  std::map<const char*, sqlite::Statement> statements;  ///< by their text's place; die before the database

  ~Impl() { statements.clear(); }
  /// `sql` is a constant of the program. Requires a database.
  Result<UsedStatement> use(const char* sql);
  Result<sqlite::Database*> writer();
  /// Moves the write-ahead log into the file once it has grown to some size.
  void checkpoint();
};

std::int64_t number_of(UtcTime time);
UtcTime time_of(std::int64_t number);

/// In the order in which fact_of() reads and bind_fact() (from parameter 1 on) writes them.
#define TILLSYNC_FACT_COLUMNS                                                                        \
  "kind, key, value, etag, source, fetched_at, known_from, known_by, confirmed_at, confirmed_from, " \
  "confirmed_by"
CentralFact fact_of(const sqlite::Statement& statement);

}  // namespace tillsync
