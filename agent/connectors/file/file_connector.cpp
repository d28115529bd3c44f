#include "agent/connectors/file/file_connector.h"

#include "agent/connectors/classify.h"
#include "platform/service/this_thread.h"

namespace tillsync::file {
namespace {

Outcome busy() {
  Outcome outcome;
  outcome.kind = OutcomeKind::kRetryable;
  outcome.signal = TargetSignal::kThrottled;
  outcome.reason = "nothing sent: too many files wait to be written";
  return outcome;
}

}  // namespace

FileConnector::FileConnector(std::unique_ptr<BatchSender> sender, std::shared_ptr<std::atomic<bool>> stop,
                             Post post, const PaceLimits& limits)
    : sender_(std::move(sender)), stop_(std::move(stop)), post_(std::move(post)), limits_(limits) {
  thread_ = std::thread([this] { loop(); });
}

FileConnector::~FileConnector() {
  {
    const std::lock_guard lock(mutex_);
    *stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void FileConnector::submit(std::vector<OutgoingDelivery> batch,
                           std::function<void(std::vector<Outcome>)> done) {
  const std::size_t count = batch.size();
  const bool taken = enqueue([this, batch = std::move(batch), done] {
    post_([done, outcomes = sender_->submit(batch)]() mutable { done(std::move(outcomes)); });
  });
  if (!taken) done(for_all(busy(), count));
}

void FileConnector::look_up(OutgoingDelivery delivery, std::function<void(LookUpAnswer)> done) {
  const bool taken = enqueue([this, delivery = std::move(delivery), done] {
    post_([done, answer = sender_->look_up(delivery)]() mutable { done(std::move(answer)); });
  });
  if (!taken) done({LookUpAnswer::Kind::kFailed, busy()});
}

bool FileConnector::enqueue(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= kJobsMax) return false;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void FileConnector::loop() {
  name_this_thread("files");
  give_way_to_other_threads();
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return *stop_ || !jobs_.empty(); });
      if (*stop_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace tillsync::file
