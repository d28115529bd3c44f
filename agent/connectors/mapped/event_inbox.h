// Events from other threads for one that also drives an http::Client: for those who wait for a connector
// where there is no delivery loop (read-backs, the command line).
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "platform/http/client.h"

namespace tillsync {

class EventInbox {
 public:
  explicit EventInbox(http::Client& client) : client_(client) {}

  /// From any thread.
  void post(std::function<void()> event) {
    {
      const std::lock_guard lock(mutex_);
      events_.push_back(std::move(event));
    }
    client_.wake();
  }
  /// Runs the client and the events that come until `done` holds; on the client's thread. It ends: requests
  /// and programs have their time-outs.
  template <class Done>
  void run_until(Done done) {
    while (!done()) {
      for (auto& event : take()) event();
      if (!done()) client_.wait(std::chrono::milliseconds(250));  // `done` may be that somebody has given up
    }
  }

 private:
  std::vector<std::function<void()>> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
  }

  http::Client& client_;
  std::mutex mutex_;
  std::vector<std::function<void()>> events_;  // guarded by mutex_
};

}  // namespace tillsync
