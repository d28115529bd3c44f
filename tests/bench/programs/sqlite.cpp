// Raw SQLite on the journal's work: the same bytes, an id with a unique index, WAL, synchronous=FULL, some
// rows a commit.
#include <sqlite3.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/bench/programs/support/measure.h"
#include "tests/bench/programs/support/sale.h"

namespace {

using namespace tillsync::bench;

int fail(sqlite3* database, const char* what) {
  std::fprintf(stderr, "bench_sqlite: %s: %s\n", what, sqlite3_errmsg(database));
  return 1;
}

constexpr const char* kOpen =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "CREATE TABLE record(sequence INTEGER PRIMARY KEY, id TEXT NOT NULL, body BLOB NOT NULL);"
    "CREATE UNIQUE INDEX record_id ON record(id);";

}  // namespace

int main(int argc, char** argv) {
  std::string path, sale_file = "tests/bench/load/sale.json";
  std::size_t rows = 1;
  double seconds = 2;
  CLI::App app{"Inserts documents into SQLite; prints one line of JSON"};
  app.add_option("--file", path, "made anew, and removed at the end")->required();
  app.add_option("--rows", rows, "rows a commit")->check(CLI::Range(1, 1'000'000));
  app.add_option("--seconds", seconds, "how long");
  app.add_option("--sale", sale_file, "the template");
  CLI11_PARSE(app, argc, argv);

  const auto sale = Sale::load(sale_file);
  if (!sale) return std::fprintf(stderr, "bench_sqlite: %s\n", sale.error().detail.c_str()), 2;
  const auto remove = [&path] {
    for (const char* tail : {"", "-wal", "-shm"}) std::filesystem::remove(path + tail);
  };
  remove();
  sqlite3* database = nullptr;
  sqlite3_stmt* insert = nullptr;
  if (sqlite3_open(path.c_str(), &database) != SQLITE_OK) return fail(database, "open");
  if (sqlite3_exec(database, kOpen, nullptr, nullptr, nullptr) != SQLITE_OK) return fail(database, "schema");
  if (sqlite3_prepare_v2(database, "INSERT INTO record(id, body) VALUES(?1, ?2)", -1, &insert, nullptr) !=
      SQLITE_OK)
    return fail(database, "prepare");

  std::string body(sale->text());
  std::string id(Sale::kIdBytes, ' ');
  std::uint64_t number = 0;
  Latencies commits;
  const Instant begun = now();
  Instant last = begun;
  while (seconds_between(begun, last) < seconds) {
    if (sqlite3_exec(database, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) != SQLITE_OK)
      return fail(database, "begin");
    for (std::size_t i = 0; i < rows; ++i) {
      Sale::write_id(id.data(), 1, number++);
      body.replace(sale->id_at(), id.size(), id);
      sqlite3_bind_text(insert, 1, id.data(), static_cast<int>(id.size()), SQLITE_STATIC);
      sqlite3_bind_blob(insert, 2, body.data(), static_cast<int>(body.size()), SQLITE_STATIC);
      if (sqlite3_step(insert) != SQLITE_DONE) return fail(database, "insert");
      sqlite3_reset(insert);
    }
    if (sqlite3_exec(database, "COMMIT", nullptr, nullptr, nullptr) != SQLITE_OK)
      return fail(database, "commit");
    const Instant done = now();
    commits.add(last, done);
    last = done;
  }
  const double took = seconds_between(begun, last);
  const auto count = static_cast<double>(commits.count());
  std::printf("{\"rows\":%zu,\"commits_per_second\":%.1f,\"per_second\":%.1f,%s}\n", rows, count / took,
              static_cast<double>(number) / took, commits.members().c_str());
  sqlite3_finalize(insert);
  sqlite3_close(database);
  remove();
  return 0;
}
