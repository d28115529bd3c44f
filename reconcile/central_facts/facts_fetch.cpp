// The single rows of a round.
#include "reconcile/central_facts/fact_value.h"
#include "reconcile/central_facts/facts_round.h"

namespace tillsync {
namespace {

constexpr std::size_t kKeysAtOnce = 200;

}  // namespace

/// `absent_counts`: "no such row" is taken for one. Else it may as well mean that the target tells nobody
/// rows of this kind, and is kNotServed.
Result<RoundAtWork::Fetched> RoundAtWork::fetch(FactKind kind, const std::string& key, bool absent_counts,
                                                const Also& also) {
  auto held = parts_.facts.current(kind, key);
  if (!held) return held.error();
  const bool has = *held && !(*held)->value.empty();
  const auto from = parts_.head();
  if (!from) return from.error();
  auto fetched = port_.fetch(kind, key, has ? (*held)->etag : std::string());
  ++out_.requests;
  auto seen = seen_since(*from);
  if (!seen) return seen.error();
  if (!fetched && fetched.error().kind != ErrorKind::kInvalid) {
    out_.broken = fetched.error();
    return Fetched::kBroken;
  }
  auto writer = FactsWriter::begin(parts_.facts, parts_.room);
  if (!writer) return writer.error();
  Fetched what = Fetched::kUnusable;
  if (fetched) {
    auto kept = keep(*writer, kind, key, *fetched, *seen, absent_counts);
    if (!kept) return kept.error();
    what = *kept;
  } else {
    note_unusable(fetched.error());
  }
  if (what == Fetched::kUnusable) {
    if (++unusable_in_a_row_ > parts_.limits.unusable_max) {
      break_off(ErrorKind::kInvalid, "facts-unusable",
                std::to_string(unusable_in_a_row_) +
                    " answers one after the other cannot be used: " + out_.first_unusable->detail);
    }
    if (auto later = writer->put_off_pending(kind, key); !later) return later.error();
  } else if (what != Fetched::kNotServed) {
    unusable_in_a_row_ = 0;
    if (auto done = writer->drop_pending(kind, key); !done) return done.error();
  }
  if (auto done = also(*writer, what); !done) return done.error();
  if (auto committed = writer->commit(); !committed) return committed.error();
  return what;
}

Result<RoundAtWork::Fetched> RoundAtWork::keep(FactsWriter& writer, FactKind kind, const std::string& key,
                                               const FetchedFact& fetched, const FactSeen& seen,
                                               bool absent_counts) {
  using Answer = FetchedFact::Answer;
  if (fetched.answer == Answer::kNotServed) return Fetched::kNotServed;
  if (fetched.answer == Answer::kNotModified) {
    auto confirmed = writer.confirm(kind, key, seen);
    if (!confirmed) return confirmed.error();
    if (*confirmed) {
      ++out_.confirmed;
      return Fetched::kKept;
    }
    note_unusable({ErrorKind::kInvalid, "facts-shape",
                   "central said \"not modified\" of a row that it was not asked about"});
    return Fetched::kUnusable;
  }
  const bool absent = fetched.answer == Answer::kAbsent;
  if (absent && !absent_counts) return Fetched::kNotServed;
  std::string value;
  if (!absent) {
    auto checked = checked_value(kind, key, parts_.store, fetched.value);
    if (!checked) {
      note_unusable(checked.error());
      return Fetched::kUnusable;
    }
    value = std::move(*checked);
    if (auto noted = note_served(writer, kind); !noted) return noted.error();
  }
  out_.bytes += value.size();
  const std::string etag = fetched.etag.size() <= kFactEtagBytesMax ? fetched.etag : std::string();
  auto put = writer.put(kind, key, value, etag, source_, seen);
  if (!put) return put.error();
  count(*put);
  return absent ? Fetched::kAbsent : Fetched::kKept;
}

/// Rows that the feed named without a value, and those whose last answer could not be used.
Result<void> RoundAtWork::fetch_pending() {
  std::int64_t after = 0;
  std::optional<std::int64_t> last;  // what is put off in this round comes behind it
  std::set<FactKind> not_served;
  while (!broken()) {
    auto rows = pending_rows(parts_.facts, after, kKeysAtOnce);
    if (!rows) return rows.error();
    if (rows->empty()) return ok();
    for (const PendingRow& row : *rows) {
      after = row.number;
      if (!kinds_.contains(row.kind) || not_served.contains(row.kind)) continue;
      if (!last) {
        auto end = last_pending(parts_.facts);
        if (!end) return end.error();
        last = *end;
      }
      if (row.number > *last || fetches_ >= parts_.limits.fetches_max || !may_ask()) return ok();
      ++fetches_;
      auto fetched = fetch(row.kind, row.key, true, [](FactsWriter&, Fetched) { return ok(); });
      if (!fetched) return fetched.error();
      if (*fetched == Fetched::kBroken) return ok();
      if (*fetched == Fetched::kNotServed) not_served.insert(row.kind);
    }
  }
  return ok();
}

Result<void> RoundAtWork::fetch_wanted(FactKind kind) {
  if (!port_.offers(kind)) return ok();
  if (kind == FactKind::kRefundPolicy) return fetch_policy();
  if (!out_.served.contains(kind) && !named_.contains(kind)) {
    if (auto probed = probe(kind); !probed) return probed.error();
    if (!out_.served.contains(kind)) return ok();
  }
  auto first = progress(parts_.facts, progress_name("first", kind));
  if (!first) return first.error();
  if (auto done = fetch_first(kind, *first); !done) return done.error();
  if (depth_ == FactsSync::Depth::kNews) return ok();
  return fetch_in_turn(kind, *first);
}

/// Those that the store came to want since the last time, behind number `first`.
Result<void> RoundAtWork::fetch_first(FactKind kind, std::int64_t first) {
  const std::string name = progress_name("first", kind);
  while (!broken()) {
    auto keys = wanted_keys(parts_.facts, *wanted_kind(kind), first, kKeysAtOnce);
    if (!keys) return keys.error();
    if (keys->empty()) return ok();
    std::int64_t passed = 0;  // told by the feed; not noted yet
    bool goes_on = true;
    for (const WantedKey& wanted : *keys) {
      auto told = told_by_feed(kind, wanted.key);
      if (!told) return told.error();
      if (*told) {
        first = passed = wanted.number;
        continue;
      }
      goes_on = fetches_ < parts_.limits.fetches_max && may_ask();
      if (!goes_on) break;
      first = wanted.number;
      passed = 0;
      ++fetches_;
      auto fetched = fetch(kind, wanted.key, true, [&](FactsWriter& writer, Fetched) {
        return writer.set_progress(name, wanted.number);
      });
      if (!fetched) return fetched.error();
      goes_on = *fetched != Fetched::kBroken && *fetched != Fetched::kNotServed;
      if (!goes_on) break;
    }
    if (passed > 0) {
      if (auto noted = note_progress(name, passed); !noted) return noted.error();
    }
    if (!goes_on) return ok();
  }
  return ok();
}

/// The feed told this row, and that since it was followed from the start again, if ever it was.
Result<bool> RoundAtWork::told_by_feed(FactKind kind, const std::string& key) {
  if (!named_.contains(kind)) return false;
  auto held = parts_.facts.current(kind, key);
  if (!held) return held.error();
  return *held && (*held)->confirmed_from.value > restarted_at_;
}

/// Those with numbers up to `up_to` once more, from where the last round ended, and around once. A few even
/// of kinds that the feed names: feeds forget too.
Result<void> RoundAtWork::fetch_in_turn(FactKind kind, std::int64_t up_to) {
  auto turn = progress(parts_.facts, progress_name("turn", kind));
  if (!turn) return turn.error();
  std::size_t left = named_.contains(kind) ? parts_.limits.turn_named_max : parts_.limits.turn_max;
  auto more = turn_over(kind, *turn, up_to, left);
  if (!more) return more.error();
  if (!*more) return ok();
  auto around = turn_over(kind, 0, *turn, left);
  if (!around) return around.error();
  return ok();
}

/// Behind number `from` to number `up_to`; whether all of it was done.
Result<bool> RoundAtWork::turn_over(FactKind kind, std::int64_t from, std::int64_t up_to, std::size_t& left) {
  while (true) {
    auto keys = wanted_keys(parts_.facts, *wanted_kind(kind), from, kKeysAtOnce);
    if (!keys) return keys.error();
    if (keys->empty()) return true;
    for (const WantedKey& wanted : *keys) {
      if (wanted.number > up_to) return true;
      if (left == 0 || !may_ask()) return false;
      --left;
      const auto note = [&](FactsWriter& writer, Fetched) {
        return writer.set_progress(progress_name("turn", kind), wanted.number);
      };
      from = wanted.number;
      auto fetched = fetch(kind, wanted.key, true, note);
      if (!fetched) return fetched.error();
      if (*fetched == Fetched::kBroken || *fetched == Fetched::kNotServed) return false;
    }
  }
}

/// One row of a kind of which this target never told any: whether it does now. Another one each round, since
/// central may lack any of them.
Result<void> RoundAtWork::probe(FactKind kind) {
  const std::string name = progress_name("probe", kind);
  auto after = progress(parts_.facts, name);
  if (!after) return after.error();
  for (const std::int64_t from : {*after, std::int64_t{0}}) {
    auto keys = wanted_keys(parts_.facts, *wanted_kind(kind), from, 1);
    if (!keys) return keys.error();
    if (keys->empty()) continue;
    if (!may_ask()) return ok();
    const auto note = [&](FactsWriter& writer, Fetched) {
      return writer.set_progress(name, keys->front().number);
    };
    auto fetched = fetch(kind, keys->front().key, false, note);
    if (!fetched) return fetched.error();
    return ok();
  }
  return ok();
}

Result<void> RoundAtWork::fetch_policy() {
  constexpr FactKind kKind = FactKind::kRefundPolicy;
  auto held = parts_.facts.current(kKind, "");
  if (!held) return held.error();
  const bool is_told = named_.contains(kKind) || depth_ == FactsSync::Depth::kNews;
  if ((*held && is_told) || !may_ask()) return ok();
  auto fetched = fetch(kKind, "", out_.served.contains(kKind), [](FactsWriter&, Fetched) { return ok(); });
  if (!fetched) return fetched.error();
  return ok();
}

}  // namespace tillsync
