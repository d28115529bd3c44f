// Brings central's facts up to what one target says, in rounds: follows its change feed to where it stands
// still, fetches the rows that changed without a value, those that the store wants and has not, and, of kinds
// that the feed never names, those that it has, by entity tag and in turn. Blocking, on the reconcile thread.
// A central that is wrong costs a round and no more: every loop has a limit (I8), and what a round committed
// is where the next goes on.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "reconcile/central_facts/facts_writer.h"
#include "reconcile/central_facts/fetch_port.h"
#include "reconcile/central_view/read_back.h"

namespace tillsync {

/// All for one round.
struct FactsLimits {
  std::size_t pages_max = 20'000;  ///< of the feed
  std::size_t rows_max = 4'000'000;
  std::size_t bytes_max = 4'096UL * 1024 * 1024;
  int repeats_max =
      100;  ///< pages one after the other that came before: a row that changed often may fill some
  std::size_t fetches_max = 2'000;  ///< single rows that are new or changed
  std::size_t turn_max = 500;       ///< single rows of a kind that are asked for once more
  std::size_t turn_named_max = 10;  ///< the same of a kind that the feed names
  std::size_t list_pages_max = 50;  ///< of a kind, from targets without a feed
  std::size_t unusable_max = 10;    ///< answers one after the other that cannot be used
  std::size_t cursor_bytes_max = 4096;
};

/// What a round did.
struct FactsRound {
  bool feed_served = false;
  bool caught_up = false;     ///< the feed stood still at the end
  bool restarted = false;     ///< central did not know the cursor any more
  std::set<FactKind> served;  ///< kinds of which this target ever told a row
  std::size_t requests = 0;
  std::size_t pages = 0;
  std::size_t rows = 0;
  std::size_t bytes = 0;
  std::size_t changed = 0;    ///< new, other or gone
  std::size_t confirmed = 0;  ///< as they were
  std::size_t unusable = 0;   ///< rows that cannot be kept
  std::size_t no_room = 0;
  std::optional<Error> first_unusable;
  /// Why it ended before its end: the port's error; kUnavailable `facts-stopped`; kTimeout `facts-timeout`;
  /// kInvalid `facts-loops` for a cursor that comes again, or goes nowhere, and for pages that repeat;
  /// `facts-too-long` beyond a limit; `facts-cursor` where central does not know its own; `facts-unusable`.
  std::optional<Error> broken;
  bool nothing_served() const { return !feed_served && served.empty(); }
};

class FactsSync {
 public:
  struct Parts {
    CentralFacts& facts;
    std::string store;  ///< its id
    const Clock& clock;
    std::function<Result<Sequence>()> head;  ///< the journal's
    FactsLimits limits = {};
    FactsRoom room = {};
  };
  enum class Depth {
    kNews,   ///< what changed, and what came to be wanted
    kWhole,  ///< and what is held once more, as far as no feed tells of it
  };
  explicit FactsSync(Parts parts) : parts_(std::move(parts)) {}

  /// One round against the target `source`, for the kinds that come from it. A failed Result is the store's
  /// own trouble: storage, or a journal that cannot be read.
  Result<FactsRound> round(FetchPort& port, const std::string& source, const std::set<FactKind>& kinds,
                           const ReadBackUntil& until, Depth depth = Depth::kWhole);

 private:
  Parts parts_;
};

}  // namespace tillsync
