// What people decided in a period.
#include "outbox/journal/reader_impl.h"

namespace tillsync {
namespace {

constexpr std::int64_t kNoEnd = INT64_MAX;

std::int64_t number_of(BusinessDay day) {
  return day.day.time_since_epoch().count();
}

/// The records of a period: what was posted first in it, and what was posted first after it.
struct Span {
  std::int64_t first = 0;  ///< 0: the period has no documents
  std::int64_t end = kNoEnd;
};

Result<Span> span_of(sqlite::Database& database, BusinessDay from, BusinessDay to) {
  Span span;
  auto first = database.prepare("SELECT MIN(first_sequence) FROM day WHERE business_day BETWEEN ? AND ?");
  if (!first) return first.error();
  auto row = first->bind(1, number_of(from)).bind(2, number_of(to)).step();
  if (!row) return row.error();
  if (!*row || first->is_null(0)) return span;
  span.first = first->integer(0);
  auto end =
      database.prepare("SELECT MIN(first_sequence) FROM day WHERE business_day > ? AND first_sequence > ?");
  if (!end) return end.error();
  auto later = end->bind(1, number_of(to)).bind(2, span.first).step();
  if (!later) return later.error();
  if (*later && !end->is_null(0)) span.end = end->integer(0);
  return span;
}

}  // namespace

Result<std::vector<JournaledDecision>> JournalReader::try_decisions(BusinessDay from, BusinessDay to) {
  return impl_->in_one_state([&]() -> Result<std::vector<JournaledDecision>> {
    std::vector<JournaledDecision> decisions;
    auto span = span_of(impl_->database, from, to);
    if (!span) return span.error();
    if (span->first == 0) return decisions;
    auto select = impl_->database.prepare(
        "SELECT f.sequence, f.recorded_at, f.document, f.body, d.id "
        "FROM record f INDEXED BY record_decision LEFT JOIN record d ON d.sequence = f.document "
        "WHERE f.kind = 3 AND f.sequence > ?1 AND CASE WHEN f.document IS NULL THEN f.sequence < ?2 "
        "ELSE d.business_day BETWEEN ?3 AND ?4 END ORDER BY f.sequence");
    if (!select) return select.error();
    select->bind(1, span->first).bind(2, span->end).bind(3, number_of(from)).bind(4, number_of(to));
    while (true) {
      auto row = select->step();
      if (!row) return row.error();
      if (!*row) return decisions;
      const Sequence document{select->is_null(2) ? 0 : select->integer(2)};
      auto fact = decode_decision(document, select->blob_view(3));
      if (!fact) return fact.error();
      decisions.push_back({Sequence{select->integer(0)},
                           UtcTime(std::chrono::microseconds(select->integer(1))), std::move(*fact),
                           select->is_null(4) ? std::string() : select->text(4)});
    }
  });
}

}  // namespace tillsync
