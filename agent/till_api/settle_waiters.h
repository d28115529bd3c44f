// Posts that hold their answer until the document is settled (RFC 7240, Prefer: wait). Event loop's thread,
// but for any_waiting().
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "agent/http_server/event_loop.h"
#include "outbox/journal/journal.h"

namespace tillsync {

class SettleWaiters {
 public:
  explicit SettleWaiters(EventLoop& loop) : loop_(loop) {}

  /// A wait() or cancel() will follow on the loop's thread; from any thread. From here on changed() must be
  /// called.
  void announce() { ++expected_; }
  void cancel() { --expected_; }
  /// Calls `done` once: with the document's new status, or with kJournaled when `patience` is over.
  void wait(Sequence document, std::chrono::milliseconds patience, std::function<void(DocumentStatus)> done);
  void changed(const std::vector<StatusChange>& changes);
  void release_all();
  std::size_t size() const { return waiting_.size(); }
  /// Whether changed() has anyone to tell; from any thread.
  bool any_waiting() const { return expected_.load() != 0; }

 private:
  using Waiting = std::multimap<Sequence, std::pair<std::uint64_t, std::function<void(DocumentStatus)>>>;
  void finish(Waiting::iterator waiter, DocumentStatus status);

  EventLoop& loop_;
  Waiting waiting_;
  std::uint64_t next_ = 0;
  std::atomic<std::size_t> expected_{0};  // announced and not yet finished
};

}  // namespace tillsync
