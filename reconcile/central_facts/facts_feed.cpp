// The change feed of a round.
#include "reconcile/central_facts/fact_value.h"
#include "reconcile/central_facts/facts_round.h"

namespace tillsync {
namespace {

/// The same for pages that say the same.
Sha256Digest digest_of(const ChangesPage& page) {
  std::string text;
  const auto add = [&](const std::string& part) { (text += std::to_string(part.size()) + ':') += part; };
  for (const FactChange& change : page.changes) {
    text += std::to_string(static_cast<int>(change.kind)) + std::to_string(static_cast<int>(change.how));
    add(change.key);
    add(change.etag);
    add(change.value);
  }
  return sha256(text);
}

/// Enough of it to know a page again.
std::int64_t first_bytes(const Sha256Digest& digest) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) number = number << 8 | digest[i];
  return static_cast<std::int64_t>(number);
}

}  // namespace

Result<void> RoundAtWork::follow_feed() {
  auto mark = parts_.facts.feed(source_);
  if (!mark) return mark.error();
  const auto begun_at = parts_.head();
  if (!begun_at) return begun_at.error();
  FeedMark at = *mark;  // runs ahead of what is kept while pages only repeat
  auto last = progress(parts_.facts, "last page of " + source_);
  if (!last) return last.error();
  last_page_ = *last;
  cursors_.insert(sha256(at.cursor));
  while (may_ask()) {
    if (out_.pages >= parts_.limits.pages_max || out_.rows > parts_.limits.rows_max ||
        out_.bytes > parts_.limits.bytes_max) {
      break_off(ErrorKind::kInvalid, "facts-too-long",
                "the change feed did not end within " + std::to_string(out_.pages) + " pages and " +
                    std::to_string(out_.rows) + " rows; the next round goes on there");
      break;
    }
    const auto from = parts_.head();
    if (!from) return from.error();
    auto page = port_.changes(at.cursor);
    ++out_.requests;
    if (!page) {
      out_.broken = page.error();
      break;
    }
    if (page->answer == ChangesPage::Answer::kNotServed) break;
    out_.feed_served = true;
    if (page->answer == ChangesPage::Answer::kCursorUnknown) {
      auto again = restart_feed(at);
      if (!again) return again.error();
      if (!*again) break;
      *mark = at;
      continue;
    }
    ++out_.pages;
    out_.rows += page->rows;
    out_.bytes += page->bytes;
    if (feed_goes_wrong(at, *page)) break;
    if (page->rows == 0) return end_feed(at, page->cursor, *begun_at);
    auto seen = seen_since(*from);
    if (!seen) return seen.error();
    at.cursor = page->cursor;
    if (repeats_ == 0) *mark = at;
    if (auto stored = store_page(*page, *seen, *mark); !stored) return stored.error();
  }
  return ok();
}

/// Whether it is worth asking again, from the start.
Result<bool> RoundAtWork::restart_feed(FeedMark& mark) {
  if (mark.cursor.empty() || out_.restarted) {
    break_off(ErrorKind::kInvalid, "facts-cursor",
              "the target does not know a cursor that it gave in this round, or none at all");
    return false;
  }
  out_.restarted = true;
  mark = FeedMark{};
  cursors_ = {sha256(mark.cursor)};
  pages_.clear();
  last_page_ = 0;
  auto writer = FactsWriter::begin(parts_.facts, parts_.room);
  if (!writer) return writer.error();
  if (auto set = writer->set_feed(source_, mark); !set) return set.error();
  // What central took out meanwhile no feed will tell any more: what is wanted is asked for once more.
  for (const FactKind kind : kinds_) {
    if (auto set = writer->set_progress(progress_name("first", kind), 0); !set) return set.error();
  }
  const auto head = parts_.head();
  if (!head) return head.error();
  restarted_at_ = head->value;
  if (auto set = writer->set_progress("restart of " + source_, restarted_at_ + 1); !set) return set.error();
  if (auto committed = writer->commit(); !committed) return committed.error();
  return true;
}

/// It stands still. `head`: the journal's, before the round.
Result<void> RoundAtWork::end_feed(FeedMark& mark, const std::string& cursor, Sequence head) {
  out_.caught_up = true;
  mark.cursor = cursor;
  mark.caught_up_at = parts_.clock.utc_now();
  mark.caught_up_from = head;
  auto writer = FactsWriter::begin(parts_.facts, parts_.room);
  if (!writer) return writer.error();
  if (auto set = writer->set_feed(source_, mark); !set) return set.error();
  if (auto noted = writer->set_progress("feed of " + source_, 1); !noted) return noted.error();
  return writer->commit();
}

/// Nothing of such a page is kept: a central that is mended gives it again.
bool RoundAtWork::feed_goes_wrong(const FeedMark& mark, const ChangesPage& page) {
  if (page.cursor.empty() || page.cursor.size() > parts_.limits.cursor_bytes_max) {
    break_off(ErrorKind::kInvalid, "facts-loops",
              "the change feed gave no cursor of 1 to " + std::to_string(parts_.limits.cursor_bytes_max) +
                  " bytes, so that it cannot be followed");
    return true;
  }
  const bool moved = page.cursor != mark.cursor;
  if ((!moved && page.rows > 0) || (moved && !cursors_.insert(sha256(page.cursor)).second)) {
    break_off(ErrorKind::kInvalid, "facts-loops",
              "the change feed gave a cursor a second time, so it has no end; its paging is broken");
    return true;
  }
  const Sha256Digest digest = digest_of(page);
  const std::int64_t short_digest = first_bytes(digest);
  const bool is_new = pages_.insert(digest).second && short_digest != last_page_;
  if (!page.changes.empty()) last_page_ = short_digest;
  if (page.changes.empty() || is_new) {
    repeats_ = 0;
  } else if (++repeats_ > parts_.limits.repeats_max) {
    break_off(ErrorKind::kInvalid, "facts-loops",
              "the change feed gave " + std::to_string(repeats_) +
                  " pages one after the other that it had given before; its paging is broken");
    return true;
  }
  return false;
}

Result<void> RoundAtWork::store_page(const ChangesPage& page, const FactSeen& seen, const FeedMark& mark) {
  auto writer = FactsWriter::begin(parts_.facts, parts_.room);
  if (!writer) return writer.error();
  for (const FactChange& change : page.changes) {
    if (!kinds_.contains(change.kind) || !is_fact_key(change.kind, change.key)) continue;
    if (named_.insert(change.kind).second) {
      if (auto noted = writer->set_progress(progress_name("named", change.kind), 1); !noted)
        return noted.error();
    }
    if (auto stored = store_change(*writer, change, seen); !stored) return stored.error();
  }
  if (auto set = writer->set_feed(source_, mark); !set) return set.error();
  if (auto noted = writer->set_progress("last page of " + source_, last_page_); !noted) return noted.error();
  if (!feed_ever_) {
    if (auto noted = writer->set_progress("feed of " + source_, 1); !noted) return noted.error();
    feed_ever_ = true;
  }
  return writer->commit();
}

Result<void> RoundAtWork::store_change(FactsWriter& writer, const FactChange& change, const FactSeen& seen) {
  if (change.how == FactChange::How::kUntold) return store_untold(writer, change, seen);
  std::string value;
  if (change.how == FactChange::How::kValue) {
    auto checked = checked_value(change.kind, change.key, parts_.store, change.value);
    if (!checked) {
      note_unusable(checked.error());
      return store_untold(writer, change, seen);
    }
    value = std::move(*checked);
    if (auto noted = note_served(writer, change.kind); !noted) return noted.error();
  }
  const std::string etag = change.etag.size() <= kFactEtagBytesMax ? change.etag : std::string();
  auto put = writer.put(change.kind, change.key, value, etag, source_, seen);
  if (!put) return put.error();
  count(*put);
  return writer.drop_pending(change.kind, change.key);
}

/// To be fetched, where anybody cares.
Result<void> RoundAtWork::store_untold(FactsWriter& writer, const FactChange& change, const FactSeen& seen) {
  auto held = parts_.facts.current(change.kind, change.key);
  if (!held) return held.error();
  if (*held && !change.etag.empty() && (*held)->etag == change.etag && !(*held)->value.empty()) {
    auto confirmed = writer.confirm(change.kind, change.key, seen);
    if (!confirmed) return confirmed.error();
    ++out_.confirmed;
    return writer.drop_pending(change.kind, change.key);
  }
  if (!*held) {
    auto cares = matters(change.kind, change.key);
    if (!cares) return cares.error();
    if (!*cares) return ok();
  }
  return writer.add_pending(change.kind, change.key);
}

Result<bool> RoundAtWork::matters(FactKind kind, const std::string& key) {
  const auto what = wanted_kind(kind);
  if (!what) return true;
  return is_wanted(parts_.facts, *what, key);
}

}  // namespace tillsync
