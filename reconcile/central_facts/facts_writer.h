// Changes to central's facts: one transaction. Readers see nothing of it, and a crash leaves nothing of it,
// until commit(). While it lives the facts' object does nothing else; on facts opened for writing only.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "platform/sqlite/database.h"
#include "reconcile/central_facts/central_facts.h"

namespace tillsync {

struct FactsRoom {
  std::int64_t rows_max = 2'000'000;                     ///< of all kinds, absent ones included
  std::int64_t value_bytes_max = 4'096LL * 1024 * 1024;  ///< earlier versions included
  std::int64_t wanted_max = 2'000'000;                   ///< customers and SKUs of the journal
};

/// An answer of central between two looks at the journal's head.
struct FactSeen {
  UtcTime at{};
  Sequence from;
  Sequence by;
};

/// What the store trades: whose rows it wants.
enum class WantedKind : std::uint8_t { kCustomer = 1, kSku = 2 };

class FactsWriter {
 public:
  static Result<FactsWriter> begin(CentralFacts& facts, const FactsRoom& room = {});
  FactsWriter(FactsWriter&&) noexcept = default;
  FactsWriter& operator=(FactsWriter&&) = delete;
  Result<void> commit();

  enum class Put {
    kNew,
    kChanged,
    kConfirmed,  ///< it was so already
    kNoRoom,     ///< beyond FactsRoom: what was held of that key is forgotten
  };
  /// `value`: from checked_value(); "": central has none.
  Result<Put> put(FactKind kind, const std::string& key, const std::string& value, const std::string& etag,
                  const std::string& source, const FactSeen& seen);
  /// Central said that what is held still stands. False where nothing is held.
  Result<bool> confirm(FactKind kind, const std::string& key, const FactSeen& seen);

  /// Says which kinds come from `source`. Rows of these kinds from elsewhere are forgotten, and where the
  /// kinds are others than before the feed is followed from the start.
  Result<void> adopt(const std::string& source, const std::set<FactKind>& kinds);
  /// Forgets the rows of a kind, unless they are from `but_from`.
  Result<void> forget_kind(FactKind kind, const std::string& but_from);
  Result<void> set_feed(const std::string& source, const FeedMark& mark);

  /// Rows that changed and are still to be fetched; each once.
  Result<void> add_pending(FactKind kind, const std::string& key);
  Result<void> drop_pending(FactKind kind, const std::string& key);
  /// To the end of the queue.
  Result<void> put_off_pending(FactKind kind, const std::string& key);

  /// False where it is wanted already, or beyond FactsRoom.
  Result<bool> want(WantedKind what, const std::string& key);

  Result<void> set_progress(const std::string& name, std::int64_t value);
  Result<void> set_list_cursor(FactKind kind, const std::string& cursor);

  Result<void> set_journal_place(const JournalPlace& place);
  /// Drops everything: what is known was of another journal.
  Result<void> forget_all();

 private:
  FactsWriter(CentralFacts::Impl& impl, const FactsRoom& room, sqlite::Transaction transaction)
      : impl_(&impl), room_(room), transaction_(std::move(transaction)) {}
  struct Held;
  struct Count {
    std::string source;
    std::int64_t rows = 0, absent = 0, value_bytes = 0;
    std::optional<std::int64_t> newest;
    bool changed = false;
  };
  Result<void> load_counts();
  Result<void> save_counts();
  Count& count(FactKind kind) { return counts_[static_cast<std::size_t>(kind) - 1]; }
  bool has_room(std::int64_t rows, std::int64_t bytes) const;
  Result<std::optional<Held>> held(FactKind kind, const std::string& key);
  Result<Put> insert(const CentralFact& fact);
  Result<Put> replace(const Held& old, const CentralFact& fact);
  Result<void> keep_earlier(const Held& old, const CentralFact& fact);
  Result<std::int64_t> drop_earlier(FactKind kind, const std::string& key, std::int64_t up_to_version);
  Result<void> forget(const Held& old, FactKind kind, const std::string& key);
  Result<void> set_contacts(const std::string& customer, const std::string& from, const std::string& to);

  CentralFacts::Impl* impl_;
  FactsRoom room_;
  std::optional<sqlite::Transaction> transaction_;
  std::array<Count, kFactKinds.size()> counts_;
};

}  // namespace tillsync
