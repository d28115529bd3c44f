#include "reconcile/central_facts/facts_work.h"

#include <algorithm>

#include "reconcile/central_facts/facts_impl.h"

namespace tillsync {
namespace {

constexpr const char* kPending =
    "SELECT number, kind, key FROM pending WHERE number > ?1 ORDER BY number LIMIT ?2";
constexpr const char* kLastPending = "SELECT coalesce(max(number), 0) FROM pending";
constexpr const char* kWantedInTurn =
    "SELECT number, key FROM wanted WHERE what = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
constexpr const char* kIsWanted = "SELECT 1 FROM wanted WHERE what = ?1 AND key = ?2";
constexpr const char* kProgress = "SELECT value FROM progress WHERE name = ?1";
constexpr const char* kListCursor = "SELECT cursor FROM list_cursor WHERE kind = ?1";

}  // namespace

Result<std::vector<PendingRow>> pending_rows(CentralFacts& facts, std::int64_t after, std::size_t limit) {
  auto query = facts.impl().use(kPending);
  if (!query) return query.error();
  (*query)->bind(1, after).bind(2, static_cast<std::int64_t>(limit));
  std::vector<PendingRow> out;
  while (true) {
    auto row = (*query)->step();
    if (!row) return row.error();
    if (!*row) return out;
    out.push_back({(*query)->integer(0), static_cast<FactKind>((*query)->integer(1)), (*query)->text(2)});
  }
}

Result<std::int64_t> last_pending(CentralFacts& facts) {
  auto query = facts.impl().use(kLastPending);
  if (!query) return query.error();
  auto row = (*query)->step();
  if (!row) return row.error();
  return *row ? (*query)->integer(0) : std::int64_t{0};
}

Result<std::vector<WantedKey>> wanted_keys(CentralFacts& facts, WantedKind what, std::int64_t after,
                                           std::size_t limit) {
  auto query = facts.impl().use(kWantedInTurn);
  if (!query) return query.error();
  (*query)->bind(1, static_cast<std::int64_t>(what)).bind(2, after).bind(3, static_cast<std::int64_t>(limit));
  std::vector<WantedKey> out;
  while (true) {
    auto row = (*query)->step();
    if (!row) return row.error();
    if (!*row) return out;
    out.push_back({(*query)->integer(0), (*query)->text(1)});
  }
}

Result<bool> is_wanted(CentralFacts& facts, WantedKind what, const std::string& key) {
  auto query = facts.impl().use(kIsWanted);
  if (!query) return query.error();
  (*query)->bind(1, static_cast<std::int64_t>(what)).bind(2, std::string_view(key));
  return (*query)->step();
}

Result<std::int64_t> progress(CentralFacts& facts, const std::string& name) {
  auto query = facts.impl().use(kProgress);
  if (!query) return query.error();
  (*query)->bind(1, std::string_view(name));
  auto row = (*query)->step();
  if (!row) return row.error();
  return *row ? (*query)->integer(0) : std::int64_t{0};
}

Result<std::string> list_cursor(CentralFacts& facts, FactKind kind) {
  auto query = facts.impl().use(kListCursor);
  if (!query) return query.error();
  (*query)->bind(1, static_cast<std::int64_t>(kind));
  auto row = (*query)->step();
  if (!row) return row.error();
  return *row ? (*query)->text(0) : std::string();
}

}  // namespace tillsync
