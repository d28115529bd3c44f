#include "outbox/journal/journal_thread.h"

#include "platform/log/log.h"

namespace tillsync {
namespace {

bool concerns_one_task(const Error& error) {
  return error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kNotFound;
}

}  // namespace

JournalThread::JournalThread(std::unique_ptr<Journal> journal, const Clock& clock, JournalThreadLimits limits,
                             std::function<void(const CommitNews&)> on_commit)
    : clock_(clock), limits_(limits), on_commit_(std::move(on_commit)), journal_(std::move(journal)) {
  retention_due_ = clock_.steady_now() + limits_.retention_every;
  wal_due_ = limits_.wal_passive_bytes;
  publish();
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

void JournalThread::post(DocumentPost post, std::function<void(Result<PostAnswer>)> done) {
  std::vector<DocumentPost> posts;
  posts.push_back(std::move(post));
  post_all(std::move(posts), [done = std::move(done)](std::vector<Result<PostAnswer>> answers) {
    done(std::move(answers[0]));
  });
}

void JournalThread::post_all(std::vector<DocumentPost> posts,
                             std::function<void(std::vector<Result<PostAnswer>>)> done) {
  struct Shared {
    std::vector<DocumentPost> posts;
    std::vector<Result<PostAnswer>> answers;
  };
  auto shared = std::make_shared<Shared>();
  shared->posts = std::move(posts);
  Task task;
  for (const auto& post : shared->posts) task.bytes += post.encoded.size();
  task.apply = [shared](Journal& journal) -> Result<void> {
    shared->answers.clear();
    for (const auto& post : shared->posts) {
      auto answer = journal.append(post);
      if (!answer) return answer.error();
      shared->answers.push_back(std::move(answer));
    }
    return ok();
  };
  task.done = [shared, done](Result<void> result) {
    if (!result) shared->answers.assign(shared->posts.size(), Result<PostAnswer>(result.error()));
    done(std::move(shared->answers));
  };
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
  if (refused) {
    shared->answers.assign(shared->posts.size(), Result<PostAnswer>(*refused));
    return done(std::move(shared->answers));
  }
  wake_.notify_one();
}

void JournalThread::run(std::function<Result<void>(Journal&)> apply, std::function<void(Result<void>)> done) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(Task{std::move(apply), std::move(done), 0});
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

std::vector<JournalThread::Task> JournalThread::take_group(std::unique_lock<std::mutex>& lock) {
  const auto something = [this] { return stopping_ || !queue_.empty(); };
  if (limits_.retention_trading_days == 0) {
    wake_.wait(lock, something);
  } else {
    wake_.wait_for(lock, retention_due_ - clock_.steady_now(), something);
  }
  std::vector<Task> group;
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
  std::unique_lock lock(mutex_);
  while (!stopping_ || !queue_.empty()) {
    auto group = take_group(lock);
    lock.unlock();
    if (!group.empty()) commit_group(group);
    keep_house();
    lock.lock();
  }
  lock.unlock();
  (void)journal_->checkpoint(true).has_value();  // the next start replays the WAL where this failed
  journal_.reset();
}

// Runs the tasks in one transaction. A storage error means that none of them happened.
Result<void> JournalThread::try_commit(std::vector<Task*>& tasks, std::vector<Result<void>>& results) {
  results.clear();
  if (auto begun = journal_->begin(); !begun) return begun.error();
  for (auto* task : tasks) {
    auto applied = task->apply(*journal_);
    if (!applied && !concerns_one_task(applied.error())) {
      journal_->rollback();
      return applied.error();
    }
    results.push_back(std::move(applied));
  }
  return journal_->commit();
}

void JournalThread::commit_group(std::vector<Task>& group) {
  std::vector<Task*> tasks;
  for (auto& task : group) tasks.push_back(&task);
  std::vector<Result<void>> results;
  const auto begun = clock_.steady_now();
  auto committed = try_commit(tasks, results);
  const auto took = clock_.steady_now() - begun;
  if (!committed && tasks.size() > 1) {
    // What does not fit together may fit alone: a small outcome where a large document finds no room.
    results.clear();
    for (auto* task : tasks) {
      std::vector<Task*> one{task};
      std::vector<Result<void>> result;
      auto alone = try_commit(one, result);
      results.push_back(alone ? std::move(result[0]) : Result<void>(alone.error()));
      if (alone) committed = ok();
    }
  } else if (!committed) {
    results.assign(1, Result<void>(committed.error()));
  }
  for (const auto& result : results) {
    if (!result && !concerns_one_task(result.error())) {
      log::error("journal.write_failed", {{"code", result.error().code}, {"detail", result.error().detail}});
      break;
    }
  }
  {
    const std::lock_guard lock(mutex_);
    healthy_ = committed.has_value();
  }
  publish();
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (group[i].done) group[i].done(std::move(results[i]));
  }
  if (on_commit_)
    on_commit_(CommitNews{journal_->head().sequence, journal_->take_changes(), took, group.size()});
}

void JournalThread::publish() {
  const std::lock_guard lock(mutex_);
  counts_ = journal_->counts();
  head_ = journal_->head().sequence;
}

void JournalThread::keep_house() {
  const auto wal = journal_->wal_bytes();
  if (wal < wal_seen_) wal_due_ = limits_.wal_passive_bytes;  // it has started over
  wal_seen_ = wal;
  if (wal >= wal_due_) {
    (void)journal_->checkpoint(wal >= limits_.wal_truncate_bytes)
        .has_value();  // one that fails is tried again
    wal_due_ = wal + limits_.wal_passive_bytes;
  }
  if (limits_.retention_trading_days == 0 || clock_.steady_now() < retention_due_) return;
  bool more = false;
  if (auto begun = journal_->begin()) {
    auto pruned = journal_->prune(limits_.retention_trading_days, limits_.retention_records_max);
    if (pruned && journal_->commit()) {
      more = pruned->more;
    } else if (!pruned) {
      journal_->rollback();
    }
  }
  // More to remove: soon again, but tills come first.
  retention_due_ = clock_.steady_now() + (more ? std::chrono::seconds(1) : limits_.retention_every);
}

}  // namespace tillsync
