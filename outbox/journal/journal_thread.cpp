#include "outbox/journal/journal_thread.h"

#include "platform/service/this_thread.h"

namespace tillsync {

JournalThread::JournalThread(std::unique_ptr<Journal> journal, const Clock& clock, JournalThreadLimits limits,
                             std::function<void(const CommitNews&)> on_commit,
                             std::function<bool()> make_room)
    : clock_(clock), limits_(limits) {
  commit_.emplace(std::move(journal), clock_, limits_,
                  GroupCommit::Hooks{[this](bool committed) { publish(committed); }, std::move(on_commit),
                                     std::move(make_room)});
  publish(true);
  thread_ = std::thread([this] { loop(); });
}

JournalThread::~JournalThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    refusing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void JournalThread::post(std::vector<DocumentPost> posts,
                         std::function<void(std::vector<Result<PostAnswer>>)> done) {
  auto task = post_task(std::move(posts), std::move(done));
  std::optional<Error> refused;
  {
    const std::lock_guard lock(mutex_);
    if (refusing_) {
      refused = Error{ErrorKind::kUnavailable, "shutting-down",
                      "tillsync is stopping; post again in a few seconds"};
    } else if (queue_.size() >= limits_.queue_tasks_max ||
               queue_bytes_ + task.bytes > limits_.queue_bytes_max) {
      refused = Error{ErrorKind::kUnavailable, "overloaded",
                      "too many documents wait for the disk; post again in a second"};
    } else {
      queue_bytes_ += task.bytes;
      queue_.push_back(std::move(task));
    }
  }
  if (refused) return task.done(Result<void>(*refused));  // NOLINT(bugprone-use-after-move): not queued
  wake_.notify_one();
}

void JournalThread::run(std::function<Result<void>(Journal&)> apply, std::function<void(Result<void>)> done) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(JournalTask{std::move(apply), std::move(done), 0});
  }
  wake_.notify_one();
}

JournalCounts JournalThread::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

Sequence JournalThread::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}

bool JournalThread::healthy() const {
  const std::lock_guard lock(mutex_);
  return healthy_;
}

void JournalThread::refuse_posts() {
  const std::lock_guard lock(mutex_);
  refusing_ = true;
}

std::vector<JournalTask> JournalThread::take_group(std::unique_lock<std::mutex>& lock) {
  const auto something = [this] { return stopping_ || !queue_.empty(); };
  const auto house_due = commit_->house_due();
  if (house_due == SteadyTime::max()) {
    wake_.wait(lock, something);
  } else {
    wake_.wait_for(lock, house_due - clock_.steady_now(), something);
  }
  std::vector<JournalTask> group;
  std::size_t bytes = 0;
  while (!queue_.empty() && group.size() < limits_.group_tasks_max &&
         (group.empty() || bytes < limits_.group_bytes_max)) {
    bytes += queue_.front().bytes;
    queue_bytes_ -= queue_.front().bytes;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

void JournalThread::loop() {
  name_this_thread("journal");
  std::unique_lock lock(mutex_);
  while (!stopping_ || !queue_.empty()) {
    auto group = take_group(lock);
    lock.unlock();
    if (!group.empty()) commit_->commit(group);
    commit_->keep_house();
    lock.lock();
  }
  lock.unlock();
  commit_->close();
  commit_.reset();
}

void JournalThread::publish(bool healthy) {
  const std::lock_guard lock(mutex_);
  healthy_ = healthy;
  counts_ = commit_->journal().counts();
  head_ = commit_->journal().head().sequence;
}

}  // namespace tillsync
