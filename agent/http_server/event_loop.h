// The one event loop that runs all sockets. Asio and Beast stay in this folder: the rest of agent/ sees plain
// callbacks.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace tillsync {

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Runs until stop(). The calling thread is the loop's thread.
  void run();
  /// From any thread.
  void stop();
  /// Runs `work` on the loop's thread; from any thread. Work posted after run() has returned is dropped
  /// unrun.
  void post(std::function<void()> work);
  /// Runs `work` on the loop's thread after `delay` of the steady clock; from the loop's thread.
  void call_after(std::chrono::milliseconds delay, std::function<void()> work);
  /// Runs `work` on the loop's thread at the first SIGINT or SIGTERM (console stop on Windows).
  void on_stop_signal(std::function<void()> work);
  /// Runs `work` on the loop's thread at every SIGHUP; where the system has none, never.
  void on_reload_signal(std::function<void()> work);

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace tillsync
