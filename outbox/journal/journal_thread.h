// The one thread that writes: it takes everything that waits, commits it in one transaction, then completes
// all of it. A busy store pays one fsync for many tills, and a quiet one waits for nobody.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "outbox/journal/group_commit.h"

namespace tillsync {

struct JournalThreadLimits : GroupCommitLimits {
  std::size_t queue_tasks_max = 16'384;  ///< beyond it posts are refused (`overloaded`), facts still taken
  std::size_t queue_bytes_max = 96 * 1024 * 1024;  ///< likewise, in encoded document bytes
};

class JournalThread final : public JournalQueue {
 public:
  /// Takes the journal over. `on_commit` and `make_room` (GroupCommit::Hooks) run on the journal thread.
  JournalThread(std::unique_ptr<Journal> journal, const Clock& clock, JournalThreadLimits limits,
                std::function<void(const CommitNews&)> on_commit, std::function<bool()> make_room = {});
  /// Completes what waits, then checkpoints and closes the journal.
  ~JournalThread() override;
  JournalThread(const JournalThread&) = delete;
  JournalThread& operator=(const JournalThread&) = delete;

  /// Appends documents, in one transaction. `done` runs on the journal thread once they are durable, with an
  /// answer for each, or with why not: kStorage, or kUnavailable (`overloaded`, `shutting-down`; then at
  /// once, on the caller's thread). From any thread.
  void post(std::vector<DocumentPost> posts, std::function<void(std::vector<Result<PostAnswer>>)> done);
  /// From any thread. An error of kind kInvalid from `apply` concerns this task alone.
  void run(std::function<Result<void>(Journal&)> apply, std::function<void(Result<void>)> done = {}) override;
  /// The counts after the last commit.
  JournalCounts counts() const;
  Sequence head() const;
  /// Whether the last commit worked: false while the disk is full or failing.
  bool healthy() const;
  /// Refuses further posts (`shutting-down`); facts are still taken.
  void refuse_posts();

 private:
  void loop();
  std::vector<JournalTask> take_group(std::unique_lock<std::mutex>& lock);
  void publish(bool healthy);

  const Clock& clock_;
  const JournalThreadLimits limits_;
  std::optional<GroupCommit> commit_;  // journal thread only

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<JournalTask> queue_;  // guarded by mutex_
  std::size_t queue_bytes_ = 0;    // guarded by mutex_
  bool stopping_ = false;          // guarded by mutex_
  bool refusing_ = false;          // guarded by mutex_
  bool healthy_ = true;            // guarded by mutex_
  JournalCounts counts_;           // guarded by mutex_
  Sequence head_;                  // guarded by mutex_
  std::thread thread_;
};

}  // namespace tillsync
