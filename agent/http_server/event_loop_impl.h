// What stands behind EventLoop. Only for this folder: it is where Asio begins.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "agent/http_server/event_loop.h"

namespace tillsync {

/// The way into the loop for those that may outlive it (responders held by other threads). Any thread.
/// Work is handed over in bundles: a journal thread that completes fifty posts wakes the loop once.
class LoopGate {
 public:
  explicit LoopGate(boost::asio::io_context& context) : context_(&context) {}

  /// Runs `work` on the loop's thread; drops it unrun once the loop is gone.
  void post(std::function<void()> work);
  bool on_loop_thread() const {
    return loop_thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  /// The calling thread is the loop's from here on, until loop_ends().
  void loop_begins() { loop_thread_ = std::this_thread::get_id(); }
  void loop_ends() { loop_thread_ = std::thread::id(); }
  /// From here on everything posted is dropped. Called by the loop's destructor.
  void close();

 private:
  void run_waiting();

  std::atomic<std::thread::id> loop_thread_{};
  std::mutex mutex_;
  boost::asio::io_context* context_;            // guarded by mutex_; null once closed
  std::vector<std::function<void()>> waiting_;  // guarded by mutex_
  bool scheduled_ = false;                      // guarded by mutex_
};

struct EventLoop::Impl {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  std::optional<boost::asio::signal_set> stop_signals, reload_signals;
  std::shared_ptr<LoopGate> gate = std::make_shared<LoopGate>(context);
};

}  // namespace tillsync
