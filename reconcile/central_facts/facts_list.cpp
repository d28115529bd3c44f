// The whole lists of a round, from targets without a feed.
#include "reconcile/central_facts/fact_value.h"
#include "reconcile/central_facts/facts_round.h"

namespace tillsync {

/// From where the last round left it; a list that was read to its end is begun again by the next round.
Result<void> RoundAtWork::read_list(FactKind kind) {
  auto at = list_cursor(parts_.facts, kind);
  if (!at) return at.error();
  std::optional<std::string> cursor;
  if (!at->empty()) cursor = *at;
  std::set<Sha256Digest> cursors;
  for (std::size_t pages = 0; pages < parts_.limits.list_pages_max && may_ask(); ++pages) {
    const auto from = parts_.head();
    if (!from) return from.error();
    auto page = port_.list(kind, cursor);
    if (page && !*page) return ok();
    ++out_.requests;
    auto seen = seen_since(*from);
    if (!seen) return seen.error();
    auto writer = FactsWriter::begin(parts_.facts, parts_.room);
    if (!writer) return writer.error();
    bool goes_on = false;
    if (!page) {
      if (page.error().kind != ErrorKind::kInvalid) {
        out_.broken = page.error();
        return ok();
      }
      note_unusable(page.error());
    } else {
      ++out_.pages;
      out_.rows += (*page)->rows.size();
      out_.bytes += (*page)->bytes;
      for (const FactChange& row : (*page)->rows) {
        if (row.kind != kind || !is_fact_key(kind, row.key)) continue;
        auto value = checked_value(kind, row.key, parts_.store, row.value);
        if (!value) {
          note_unusable(value.error());
          continue;
        }
        if (auto noted = note_served(*writer, kind); !noted) return noted.error();
        auto put = writer->put(kind, row.key, *value, row.etag, source_, *seen);
        if (!put) return put.error();
        count(*put);
      }
      cursor = std::move((*page)->next);
      if (cursor && (cursor->empty() || cursor->size() > parts_.limits.cursor_bytes_max ||
                     !cursors.insert(sha256(*cursor)).second)) {
        note_unusable({ErrorKind::kInvalid, "facts-loops",
                       "the list of rows of kind " + std::string(fact_kind_name(kind)) +
                           " gave a cursor a second time, or none that can be used; its paging is broken"});
      } else {
        goes_on = cursor.has_value();
      }
    }
    if (auto set = writer->set_list_cursor(kind, goes_on ? *cursor : std::string()); !set) return set.error();
    if (auto committed = writer->commit(); !committed) return committed.error();
    if (!goes_on) return ok();
  }
  return ok();
}

}  // namespace tillsync
