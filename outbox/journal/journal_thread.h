// The one thread that writes: it takes everything that waits, commits it in one transaction, then completes
// all of it. A busy store pays one fsync for many tills, and a quiet one waits for nobody.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "outbox/journal/journal.h"

namespace tillsync {

struct JournalThreadLimits {
  std::size_t queue_tasks_max = 16'384;  ///< beyond it posts are refused (`overloaded`), facts still taken
  std::size_t queue_bytes_max = 96 * 1024 * 1024;  ///< likewise, in encoded document bytes
  std::size_t group_tasks_max = 1'024;             ///< one commit takes no more than this
  std::size_t group_bytes_max = 8 * 1024 * 1024;
  std::int64_t wal_passive_bytes =
      4 * 1024 * 1024;  ///< a checkpoint runs, behind the answers, when the WAL has grown by this
  std::int64_t wal_truncate_bytes =
      64 * 1024 * 1024;                     ///< readers held it back for long: cut it as soon as they let
  std::int64_t retention_trading_days = 0;  ///< 0: nothing is removed
  std::chrono::seconds retention_every{3'600};
  std::size_t retention_records_max = 2'000;  ///< per transaction, so that tills never wait long
};

/// What a commit brought.
struct CommitNews {
  Sequence head;
  std::vector<StatusChange> changes;
  std::chrono::nanoseconds took{};  ///< of the COMMIT with its fsync
  std::size_t tasks = 0;
};

class JournalThread {
 public:
  /// Takes the journal over. `on_commit` runs on the journal thread, after the answers.
  JournalThread(std::unique_ptr<Journal> journal, const Clock& clock, JournalThreadLimits limits,
                std::function<void(const CommitNews&)> on_commit);
  /// Completes what waits, then checkpoints and closes the journal.
  ~JournalThread();
  JournalThread(const JournalThread&) = delete;
  JournalThread& operator=(const JournalThread&) = delete;

  /// Appends a document. `done` runs on the journal thread once it is durable, or with why not: kStorage, or
  /// kUnavailable
  /// (`overloaded`, `shutting-down`). From any thread.
  void post(DocumentPost post, std::function<void(Result<PostAnswer>)> done);
  /// Several at once, answered together; all in one transaction where group limits allow.
  void post_all(std::vector<DocumentPost> posts, std::function<void(std::vector<Result<PostAnswer>>)> done);
  /// Runs `apply` inside the next transaction, `done` after its commit. An error of kind kInvalid from
  /// `apply` concerns this task alone.
  void run(std::function<Result<void>(Journal&)> apply, std::function<void(Result<void>)> done = {});
  /// The counts after the last commit.
  JournalCounts counts() const;
  Sequence head() const;
  /// Whether the last commit worked: false while the disk is full or failing.
  bool healthy() const;
  /// Refuses further posts (`shutting-down`); facts are still taken.
  void refuse_posts();

 private:
  struct Task {
    std::function<Result<void>(Journal&)> apply;
    std::function<void(Result<void>)> done;
    std::size_t bytes = 0;
  };
  void loop();
  std::vector<Task> take_group(std::unique_lock<std::mutex>& lock);
  void commit_group(std::vector<Task>& group);
  Result<void> try_commit(std::vector<Task*>& tasks, std::vector<Result<void>>& results);
  void publish();
  void keep_house();

  const Clock& clock_;
  const JournalThreadLimits limits_;
  const std::function<void(const CommitNews&)> on_commit_;
  std::unique_ptr<Journal> journal_;  // journal thread only
  SteadyTime retention_due_;          // journal thread only
  std::int64_t wal_seen_ = 0;         // journal thread only
  std::int64_t wal_due_ = 0;          // journal thread only

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> queue_;       // guarded by mutex_
  std::size_t queue_bytes_ = 0;  // guarded by mutex_
  bool stopping_ = false;        // guarded by mutex_
  bool refusing_ = false;        // guarded by mutex_
  bool healthy_ = true;          // guarded by mutex_
  JournalCounts counts_;         // guarded by mutex_
  Sequence head_;                // guarded by mutex_
  std::thread thread_;
};

}  // namespace tillsync
