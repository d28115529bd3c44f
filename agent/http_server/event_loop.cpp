#include "agent/http_server/event_loop.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <utility>

#include "agent/http_server/event_loop_impl.h"

namespace tillsync {
namespace asio = boost::asio;

void LoopGate::post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (context_ == nullptr) return;
  waiting_.push_back(std::move(work));
  if (std::exchange(scheduled_, true)) return;
  asio::post(*context_, [this] { run_waiting(); });  // the loop holds the gate for as long as it can run this
}

void LoopGate::run_waiting() {
  std::vector<std::function<void()>> bundle;
  {
    const std::lock_guard lock(mutex_);
    bundle.swap(waiting_);
    scheduled_ = false;
  }
  for (auto& work : bundle) work();
}

void LoopGate::close() {
  std::vector<std::function<void()>>
      dropped;  // destroyed outside the lock: what it holds may post in its destructor
  const std::lock_guard lock(mutex_);
  context_ = nullptr;
  dropped.swap(waiting_);
}

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}

EventLoop::~EventLoop() {
  impl_->gate->close();
}

void EventLoop::run() {
  impl_->gate->loop_begins();
  impl_->context.run();
  impl_->gate->loop_ends();
}

void EventLoop::stop() {
  impl_->context.stop();
}

void EventLoop::post(std::function<void()> work) {
  impl_->gate->post(std::move(work));
}

void EventLoop::call_after(std::chrono::milliseconds delay, std::function<void()> work) {
  auto timer = std::make_unique<asio::steady_timer>(impl_->context, delay);
  auto& waiting = *timer;
  waiting.async_wait(
      [timer = std::move(timer), work = std::move(work)](const boost::system::error_code& error) {
        if (!error) work();
      });
}

void EventLoop::on_stop_signal(std::function<void()> work) {
  auto& signals = impl_->stop_signals.emplace(impl_->context, SIGINT, SIGTERM);
  signals.async_wait([work = std::move(work)](const boost::system::error_code& error, int) {
    if (!error) work();
  });
}

namespace {

// What asks to read the settings again: on Windows the service host turns the service manager's word into
// this.
#if !defined(SIGHUP) && defined(SIGBREAK)
#define SIGHUP SIGBREAK
#endif

#ifdef SIGHUP
void await_reload(asio::signal_set& signals, std::shared_ptr<std::function<void()>> work) {
  signals.async_wait([&signals, work = std::move(work)](const boost::system::error_code& error, int) {
    if (error) return;
    (*work)();
    await_reload(signals, work);
  });
}
#endif

}  // namespace

void EventLoop::on_reload_signal(std::function<void()> work) {
#ifdef SIGHUP
  auto& signals = impl_->reload_signals.emplace(impl_->context, SIGHUP);
  await_reload(signals, std::make_shared<std::function<void()>>(std::move(work)));
#else
  (void)work;
#endif
}

}  // namespace tillsync
