// One read-back under way: what it may cost, and when it is broken off (I8).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <set>
#include <string>

#include "platform/base/result.h"
#include "platform/base/time.h"
#include "platform/crypto/sha256.h"

namespace tillsync {

struct ReadBackLimits {
  std::size_t pages_max = 200'000;   ///< requests of one target and day
  std::size_t rows_max = 2'000'000;  ///< of one target and day
  /// A target without digests, or with wrong ones, is asked for them again after so long.
  std::chrono::hours digest_again{24};
  /// So long an answer about many days stands for each of them.
  std::chrono::seconds digest_kept{60};
};

/// When to break off. Looked at between requests: a request's own time-out is the port's.
struct ReadBackUntil {
  const std::atomic<bool>& stop;
  SteadyTime deadline;
};

class ReadBackCourse {
 public:
  /// `what` is done, for messages. All outlive it.
  ReadBackCourse(std::string what, const Clock& clock, const ReadBackLimits& limits,
                 const ReadBackUntil& until)
      : what_(std::move(what)), clock_(clock), limits_(limits), until_(until) {}

  /// kUnavailable `read-back-stopped`, kTimeout `read-back-timeout`.
  Result<void> may_go_on() const;
  /// Before each request: may_go_on(), and kInvalid `read-back-too-long` beyond the limit.
  Result<void> request();
  /// After each page: `read-back-too-long` likewise.
  Result<void> take(std::size_t rows);
  /// Another list is read from its begin.
  void begin_list() { cursors_.clear(); }
  /// kInvalid `read-back-loops` for a cursor of this list that was there before.
  Result<void> follow(const std::string& cursor);

 private:
  const std::string what_;
  const Clock& clock_;
  const ReadBackLimits& limits_;
  const ReadBackUntil& until_;
  std::size_t requests_ = 0, rows_ = 0;
  std::set<Sha256Digest> cursors_;
};

}  // namespace tillsync
