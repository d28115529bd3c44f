// One round of FactsSync at work. Internal to this folder.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "platform/crypto/sha256.h"
#include "reconcile/central_facts/facts_sync.h"
#include "reconcile/central_facts/facts_work.h"

namespace tillsync {

/// What `progress` is called for a kind or a target.
std::string progress_name(std::string_view what, FactKind kind);
/// Whose rows of this kind are wanted; nothing for the refund policy, which always is.
std::optional<WantedKind> wanted_kind(FactKind kind);

class RoundAtWork {
 public:
  RoundAtWork(const FactsSync::Parts& parts, FetchPort& port, const std::string& source,
              const std::set<FactKind>& kinds, const ReadBackUntil& until, FactsSync::Depth depth)
      : parts_(parts), port_(port), source_(source), kinds_(kinds), until_(until), depth_(depth) {}

  Result<FactsRound> run();

 private:
  // facts_feed.cpp
  Result<void> follow_feed();
  Result<bool> restart_feed(FeedMark& mark);
  Result<void> end_feed(FeedMark& mark, const std::string& cursor, Sequence head);
  bool feed_goes_wrong(const FeedMark& mark, const ChangesPage& page);
  Result<void> store_page(const ChangesPage& page, const FactSeen& seen, const FeedMark& mark);
  Result<void> store_change(FactsWriter& writer, const FactChange& change, const FactSeen& seen);
  Result<void> store_untold(FactsWriter& writer, const FactChange& change, const FactSeen& seen);
  Result<bool> matters(FactKind kind, const std::string& key);

  // facts_fetch.cpp
  /// What a fetch came to; of anything but kBroken its effect is committed.
  enum class Fetched { kKept, kAbsent, kNotServed, kUnusable, kBroken };
  /// Done to the transaction that keeps what was fetched.
  using Also = std::function<Result<void>(FactsWriter&, Fetched)>;
  Result<Fetched> fetch(FactKind kind, const std::string& key, bool absent_counts, const Also& also);
  Result<Fetched> keep(FactsWriter& writer, FactKind kind, const std::string& key, const FetchedFact& fetched,
                       const FactSeen& seen, bool absent_counts);
  Result<void> fetch_pending();
  Result<void> fetch_wanted(FactKind kind);
  Result<void> fetch_first(FactKind kind, std::int64_t first);
  Result<bool> told_by_feed(FactKind kind, const std::string& key);
  Result<void> fetch_in_turn(FactKind kind, std::int64_t up_to);
  Result<bool> turn_over(FactKind kind, std::int64_t from, std::int64_t up_to, std::size_t& left);
  Result<void> probe(FactKind kind);
  Result<void> fetch_policy();

  // facts_list.cpp
  Result<void> read_list(FactKind kind);

  Result<void> load();
  Result<void> note_progress(const std::string& name, std::int64_t value);
  Result<void> note_served(FactsWriter& writer, FactKind kind);
  /// False where the round is to end; says why.
  bool may_ask();
  void break_off(ErrorKind kind, const char* code, const std::string& why);
  bool broken() const { return out_.broken.has_value(); }
  /// Of a row that cannot be kept.
  void note_unusable(const Error& error);
  Result<FactSeen> seen_since(Sequence from);
  void count(FactsWriter::Put put);

  const FactsSync::Parts& parts_;
  FetchPort& port_;
  const std::string& source_;
  const std::set<FactKind>& kinds_;
  const ReadBackUntil& until_;
  const FactsSync::Depth depth_;
  FactsRound out_;
  std::set<FactKind> named_;  ///< by the feed, ever
  std::set<Sha256Digest> cursors_, pages_;
  std::int64_t last_page_ = 0;  ///< what the last page said, the last round's at first
  int repeats_ = 0;             ///< pages one after the other that said nothing new
  std::size_t fetches_ = 0;
  std::size_t unusable_in_a_row_ = 0;
  bool feed_ever_ = false;
  std::int64_t restarted_at_ = -1;  ///< the journal's head when the feed was begun again, ever
};

}  // namespace tillsync
