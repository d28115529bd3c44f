#include "agent/review/reviewer.h"

#include "agent/review/desk.h"
#include "platform/service/this_thread.h"

namespace tillsync {

SystemsOfRecord systems_of_record(const Settings& settings) {
  const auto& view = settings.central_view;
  // Who has the prices has the sales as well.
  return {view.customers, view.stock, view.prices, view.prices};
}

Reviewer::Reviewer(Parts parts, ReviewerLimits limits)
    : parts_(std::move(parts)), limits_(limits), policies_(parts_.settings.conflicts) {}

Reviewer::~Reviewer() {
  stop();
}

bool Reviewer::wants(DocumentType type) const {
  if (type == DocumentType::kReturn) return policies_.may_hold_returns();
  return type == DocumentType::kCustomerUpdate && policies_.reviews_customers();
}

void Reviewer::review(const std::string& target, OutgoingDelivery delivery, Done done) {
  Job job{target, std::move(delivery), std::move(done)};
  if (const char* refused = queue(job)) return job.done(put_off(refused));
  wake_.notify_one();
}

/// Why it does not take it; else it has.
const char* Reviewer::queue(Job& job) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return "tillsync is stopping";
  if (jobs_.size() >= limits_.waiting_max) return "too many documents wait for their review";
  jobs_.push_back(std::move(job));
  if (idle_ < jobs_.size() && threads_.size() < limits_.threads_max)
    threads_.emplace_back([this] { loop(); });
  return nullptr;
}

void Reviewer::stop() {
  std::deque<Job> left;
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    left.swap(jobs_);
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (auto& job : left) job.done(put_off("tillsync is stopping"));
  for (auto& thread : threads) thread.join();
}

void Reviewer::loop() {
  name_this_thread("review");
  Desk desk(parts_, policies_);
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (stopping_) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job.done(desk.review(job.target, job.delivery));
    job = {};
    lock.lock();
  }
}

}  // namespace tillsync
