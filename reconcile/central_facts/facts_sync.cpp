#include "reconcile/central_facts/facts_sync.h"

#include "reconcile/central_facts/facts_round.h"

namespace tillsync {

std::string progress_name(std::string_view what, FactKind kind) {
  return std::string(what) + "." + std::string(fact_kind_name(kind));
}

std::optional<WantedKind> wanted_kind(FactKind kind) {
  switch (kind) {
    case FactKind::kCustomer:
      return WantedKind::kCustomer;
    case FactKind::kStock:
    case FactKind::kPrice:
      return WantedKind::kSku;
    case FactKind::kRefundPolicy:
      break;
  }
  return std::nullopt;
}

Result<FactsRound> FactsSync::round(FetchPort& port, const std::string& source,
                                    const std::set<FactKind>& kinds, const ReadBackUntil& until,
                                    Depth depth) {
  return RoundAtWork(parts_, port, source, kinds, until, depth).run();
}

/// A target that never told anything is tried whole once, and from then on with one question a round.
Result<FactsRound> RoundAtWork::run() {
  if (auto loaded = load(); !loaded) return loaded.error();
  const std::string name = "probes of " + source_;
  auto probes = progress(parts_.facts, name);
  if (!probes) return probes.error();
  const bool tell_tale = feed_ever_ || !out_.served.empty() || *probes == 0;
  if (!tell_tale && depth_ == FactsSync::Depth::kNews) return std::move(out_);
  const std::int64_t questions = 1 + static_cast<std::int64_t>(kinds_.size());
  std::int64_t question = 0;
  const auto is_asked = [&] {
    const bool its_turn = question++ == *probes % questions;
    return tell_tale || !out_.nothing_served() || its_turn;
  };
  if (is_asked()) {
    if (auto followed = follow_feed(); !followed) return followed.error();
  }
  if (!broken()) {
    if (auto fetched = fetch_pending(); !fetched) return fetched.error();
  }
  for (const FactKind kind : kinds_) {
    if (broken() || !is_asked()) continue;
    if (auto fetched = fetch_wanted(kind); !fetched) return fetched.error();
    if (depth_ == FactsSync::Depth::kNews) continue;
    if (broken() || feed_ever_ || out_.feed_served || kind == FactKind::kRefundPolicy) continue;
    if (auto read = read_list(kind); !read) return read.error();
  }
  const std::int64_t asked = out_.nothing_served() && !broken() ? *probes + 1 : out_.broken ? *probes : 0;
  if (asked != *probes) {
    if (auto noted = note_progress(name, asked); !noted) return noted.error();
  }
  return std::move(out_);
}

Result<void> RoundAtWork::note_progress(const std::string& name, std::int64_t value) {
  auto writer = FactsWriter::begin(parts_.facts, parts_.room);
  if (!writer) return writer.error();
  if (auto noted = writer->set_progress(name, value); !noted) return noted.error();
  return writer->commit();
}

Result<void> RoundAtWork::load() {
  {
    auto writer = FactsWriter::begin(parts_.facts, parts_.room);
    if (!writer) return writer.error();
    if (auto adopted = writer->adopt(source_, kinds_); !adopted) return adopted.error();
    if (auto committed = writer->commit(); !committed) return committed.error();
  }
  for (const FactKind kind : kinds_) {
    auto served = progress(parts_.facts, progress_name("served", kind));
    if (!served) return served.error();
    if (*served > 0) out_.served.insert(kind);
    auto named = progress(parts_.facts, progress_name("named", kind));
    if (!named) return named.error();
    if (*named > 0) named_.insert(kind);
  }
  auto feed = progress(parts_.facts, "feed of " + source_);
  if (!feed) return feed.error();
  feed_ever_ = *feed > 0;
  auto restarted = progress(parts_.facts, "restart of " + source_);
  if (!restarted) return restarted.error();
  restarted_at_ = *restarted - 1;
  return ok();
}

Result<void> RoundAtWork::note_served(FactsWriter& writer, FactKind kind) {
  if (!out_.served.insert(kind).second) return ok();
  return writer.set_progress(progress_name("served", kind), 1);
}

bool RoundAtWork::may_ask() {
  if (broken()) return false;
  if (until_.stop.load()) {
    break_off(ErrorKind::kUnavailable, "facts-stopped", "it was stopped");
  } else if (parts_.clock.steady_now() >= until_.deadline) {
    break_off(ErrorKind::kTimeout, "facts-timeout",
              "it took longer than it may; the next round goes on there");
  } else if (out_.bytes > parts_.limits.bytes_max) {
    break_off(ErrorKind::kInvalid, "facts-too-long",
              "more than " + std::to_string(parts_.limits.bytes_max / (1024 * 1024)) +
                  " MiB in one round; the next one goes on there");
  }
  return !broken();
}

void RoundAtWork::break_off(ErrorKind kind, const char* code, const std::string& why) {
  out_.broken = Error{kind, code, "asking " + source_ + " what it knows: " + why};
}

void RoundAtWork::note_unusable(const Error& error) {
  ++out_.unusable;
  if (!out_.first_unusable) out_.first_unusable = error;
}

Result<FactSeen> RoundAtWork::seen_since(Sequence from) {
  const auto by = parts_.head();
  if (!by) return by.error();
  return FactSeen{parts_.clock.utc_now(), from, *by};
}

void RoundAtWork::count(FactsWriter::Put put) {
  switch (put) {
    case FactsWriter::Put::kNew:
    case FactsWriter::Put::kChanged:
      ++out_.changed;
      break;
    case FactsWriter::Put::kConfirmed:
      ++out_.confirmed;
      break;
    case FactsWriter::Put::kNoRoom:
      ++out_.no_room;
      break;
  }
}

}  // namespace tillsync
