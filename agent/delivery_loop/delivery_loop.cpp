#include "agent/delivery_loop/delivery_loop.h"

#include <algorithm>
#include <set>

#include "platform/log/log.h"
#include "platform/service/this_thread.h"

namespace tillsync {
namespace {

constexpr std::chrono::milliseconds kIdleWait{60'000};  // an event or a transfer ends the wait early
constexpr std::chrono::milliseconds kStoppingWait{20};
constexpr std::chrono::seconds kRateWindow{2};

std::int64_t connections_needed(const Settings& settings) {
  std::int64_t most = 1;
  for (const auto& [name, target] : settings.targets) most = std::max(most, target.concurrency);
  return most;
}

}  // namespace

DeliveryLoop::DeliveryLoop(Parts parts, DeliveryLoopLimits limits)
    : parts_(std::move(parts)), limits_(limits) {}

Result<std::unique_ptr<DeliveryLoop>> DeliveryLoop::start(Parts parts,
                                                          const std::map<std::string, LaneMemory>& lanes,
                                                          Sequence head, DeliveryLoopLimits limits) {
  std::unique_ptr<DeliveryLoop> loop(new DeliveryLoop(std::move(parts), limits));
  const auto& settings = loop->parts_.settings;
  auto client = http::Client::open(static_cast<std::size_t>(connections_needed(settings)));
  if (!client) return client.error();
  loop->client_ = std::move(*client);
  auto reader = JournalReader::open(settings.journal.path);
  if (!reader) return reader.error();
  loop->reader_ = std::move(*reader);
  auto ahead = DocumentsAhead::start(settings.journal.path, settings.store.id);
  if (!ahead) return ahead.error();
  loop->ahead_ = std::move(*ahead);
  loop->driver_.emplace(
      DeliveryDriver::Parts{
          settings.store.id, loop->parts_.journal, *loop->reader_, loop->parts_.clock, loop->parts_.random,
          [self = loop.get()](std::function<void()> event) { self->tell(std::move(event)); },
          [self = loop.get()](const std::string& target, const Outcome& outcome) {
            self->note(target, outcome);
          },
          loop->parts_.damaged, loop->ahead_.get()},
      limits.driver);
  for (const auto& [name, target] : settings.targets) {
    auto port = loop->parts_.make_port(
        name, *loop->client_,
        [self = loop.get()](std::function<void()> event) { self->tell(std::move(event)); });
    if (!port) return port.error();
    const auto memory = lanes.find(name);
    loop->driver_->add_target(name, lane_options(target),
                              memory == lanes.end() ? LaneMemory{} : memory->second, head, std::move(*port));
    loop->views_[name];
  }
  loop->head_ = head;
  loop->rate_since_ = loop->published_at_ = loop->parts_.clock.steady_now();
  loop->publish(true);
  loop->thread_ = std::thread([self = loop.get()] { self->loop(); });
  return loop;
}

DeliveryLoop::~DeliveryLoop() {
  stop();
  end();
}

void DeliveryLoop::stop() {
  stopping_ = true;
  if (client_) client_->wake();
  if (thread_.joinable()) thread_.join();
}

void DeliveryLoop::end() {
  driver_.reset();  // connectors with a thread of their own post here until they end
  ahead_.reset();
}

void DeliveryLoop::tell(std::function<void()> event) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  client_->wake();
}

void DeliveryLoop::committed(const CommitNews& news) {
  {
    const std::lock_guard lock(mutex_);
    if (news.documents) posted_at_ = parts_.clock.steady_now();
    if (news.head <= head_) return;
    head_ = news.head;
    if (!wants_documents_) return;
  }
  client_->wake();
}

void DeliveryLoop::decided(const DecisionFact& fact, std::function<void()> then) {
  tell([this, fact, then = std::move(then)]() mutable {
    driver_->apply(fact);
    after_publish_.push_back(std::move(then));
  });
}

void DeliveryLoop::handle_events() {
  std::vector<std::function<void()>> events;
  Sequence head;
  SteadyTime posted_at;
  {
    const std::lock_guard lock(mutex_);
    events.swap(events_);
    head = head_;
    posted_at = posted_at_;
  }
  for (auto& event : events) event();
  if (!events.empty()) changed_ = true;
  seen_head_ = head;
  driver_->head_is(head);
  driver_->posted_at(posted_at);
}

/// Whether what was committed meanwhile is to be looked at now: nobody has woken this thread for it.
bool DeliveryLoop::missed_documents() {
  const bool wants = driver_->wants_documents();
  const std::lock_guard lock(mutex_);
  return std::exchange(wants_documents_, wants) != wants && wants && head_ > seen_head_;
}

void DeliveryLoop::loop() {
  name_this_thread("delivery");
  give_way_to_other_threads();
  SteadyTime stop_at = SteadyTime::max();
  while (true) {
    handle_events();
    const auto now = parts_.clock.steady_now();
    if (stopping_ && stop_at == SteadyTime::max()) stop_at = now + limits_.stop_patience;
    const auto requests = client_->in_flight();
    if (driver_->turn(!stopping_)) changed_ = true;
    if (stopping_ && ((requests == 0 && !driver_->owes_journal()) || now >= stop_at)) break;
    publish(!after_publish_.empty());
    for (auto& then : std::exchange(after_publish_, {})) then();
    if (!missed_documents()) client_->wait(time_to_wait());
  }
  client_->cancel_all();
  driver_->turn(false);
  handle_events();
  for (auto& then : std::exchange(after_publish_, {})) then();
}

std::chrono::milliseconds DeliveryLoop::time_to_wait() const {
  auto wait = stopping_ ? kStoppingWait : kIdleWait;
  const auto now = parts_.clock.steady_now();
  const auto until = [&](SteadyTime due) {
    wait = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(due - now), std::chrono::milliseconds(0),
                      wait);
  };
  if (const auto wake = driver_->next_wake(!stopping_)) until(*wake);
  if (changed_) until(published_at_ + limits_.snapshot_every);
  return wait;
}

void DeliveryLoop::note(const std::string& target, const Outcome& outcome) {
  changed_ = true;
  auto& view = views_[target];
  if (outcome.kind == OutcomeKind::kDelivered) {
    ++view.delivered;
    view.last_success = parts_.clock.utc_now();
    return;
  }
  view.last_error = {parts_.clock.utc_now(), outcome.reason};
  if (outcome.signal == TargetSignal::kUnreachable) away_.insert(target);
  if (outcome.kind == OutcomeKind::kRejected) {
    log::warning("delivery.rejected", {{"target", target}, {"http_status", outcome.http_status}});
  } else {
    log::info(
        "delivery.failed",
        {{"target", target}, {"outcome", outcome_name(outcome.kind)}, {"http_status", outcome.http_status}});
  }
}

void DeliveryLoop::publish(bool force) {
  const auto now = parts_.clock.steady_now();
  if (!force && (!changed_ || now < published_at_ + limits_.snapshot_every)) return;
  const bool new_window = now - rate_since_ >= kRateWindow;
  std::set<Sequence> blocked;
  for (const auto& key : driver_->scheduler().blocked()) blocked.insert(key.document);
  for (auto& [name, view] : views_) {
    view.status = driver_->scheduler().status(name);
    view.retry_in.reset();
    if (view.status.retry_at && *view.status.retry_at > now) {
      view.retry_in = std::chrono::duration_cast<std::chrono::milliseconds>(*view.status.retry_at - now);
    }
    if (new_window) {
      const double seconds = std::chrono::duration<double>(now - rate_since_).count();
      view.rate_per_s = static_cast<double>(view.delivered - rate_base_[name]) / seconds;
      rate_base_[name] = view.delivered;
    }
    const bool owes = view.status.oldest_open.has_value();
    if (owing_[name] && !owes && parts_.drained) parts_.drained(name, away_.erase(name) > 0);
    owing_[name] = owes;
  }
  if (new_window) rate_since_ = now;
  published_at_ = now;
  changed_ =
      std::any_of(views_.begin(), views_.end(), [](const auto& view) { return view.second.rate_per_s > 0; });
  const std::lock_guard lock(mutex_);
  shown_ = views_;
  shown_blocked_ = static_cast<std::int64_t>(blocked.size());
}

std::map<std::string, TargetView> DeliveryLoop::targets() const {
  const std::lock_guard lock(mutex_);
  return shown_;
}

std::int64_t DeliveryLoop::blocked_documents() const {
  const std::lock_guard lock(mutex_);
  return shown_blocked_;
}

}  // namespace tillsync
