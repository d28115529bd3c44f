// A closed loop on one thread: each of N connections sends a request, waits for its whole answer and sends
// the next. The same loop makes the load for the daemon and for its peers, so that none pays for a slower
// client.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "tests/bench/programs/support/measure.h"

namespace tillsync::bench {

struct Answer {
  std::size_t bytes = 0;        ///< of the answer; 0: it is not whole yet
  std::uint64_t documents = 0;  ///< how many it says are durable
  bool good = true;             ///< whether it is what the protocol promises
};

/// What one connection says and understands.
class Dialogue {
 public:
  virtual ~Dialogue() = default;
  /// The greeting, on the blocking socket, before anything is measured.
  virtual Result<void> open(int) { return ok(); }
  /// The next request; it stays as it is until the next call.
  virtual std::string_view request() = 0;
  virtual Answer answer(std::string_view in) = 0;
};

struct LoadOptions {
  std::string where;           ///< see connect_to()
  double seconds = 5;          ///< how long; what is under way at the end is waited for and counted
  std::uint64_t requests = 0;  ///< instead: how many in all
  double warm_up_seconds = 0;  ///< before it: sent, not counted
};

struct LoadResult {
  std::uint64_t requests = 0, documents = 0, bad = 0;
  double seconds = 0;
  Latencies latencies;
  /// {"connections",...,"per_second":documents a second,"p50_us",...}
  std::string json(std::size_t connections);
};

/// One connection a dialogue. kUnavailable where one cannot be made or breaks.
Result<LoadResult> run_load(const LoadOptions& options, std::vector<std::unique_ptr<Dialogue>> dialogues);

}  // namespace tillsync::bench
