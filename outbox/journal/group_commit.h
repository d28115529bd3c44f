// What the journal thread does, without the thread: it commits a group of tasks in one transaction, then
// completes all of it, and keeps house between groups (checkpoints, retention). Plain and single-threaded, so
// that the simulator drives the very code that a store runs.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "outbox/journal/journal.h"

namespace tillsync {

struct GroupCommitLimits {
  std::size_t group_tasks_max = 1'024;  ///< one commit takes no more than this
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
  bool documents = false;  ///< somebody waited for it who posts
};

struct JournalTask {
  /// Runs inside the transaction, perhaps more than once. An error of kind kInvalid or kNotFound concerns
  /// this task alone; any other rolls the group back.
  std::function<Result<void>(Journal&)> apply;
  std::function<void(Result<void>)> done;  ///< after the commit, once; may be empty
  std::size_t bytes = 0;                   ///< of the documents that it appends; 0: a fact
};

/// Posts as one task.
JournalTask post_task(std::vector<DocumentPost> posts,
                      std::function<void(std::vector<Result<PostAnswer>>)> done);

/// Where facts and reads of the writer's side are handed in; the journal thread's front.
class JournalQueue {
 public:
  virtual ~JournalQueue() = default;
  /// Runs `apply` inside the next transaction, `done` after its commit, elsewhere and later. See JournalTask.
  virtual void run(std::function<Result<void>(Journal&)> apply,
                   std::function<void(Result<void>)> done = {}) = 0;
};

class GroupCommit {
 public:
  struct Hooks {
    std::function<void(bool committed)> before_answers;  ///< may be empty
    std::function<void(const CommitNews&)> on_commit;    ///< after the answers; may be empty
    /// The disk is full and a fact must be written: true where some room was made, so that it is worth
    /// another try. May be empty.
    std::function<bool()> make_room;
  };
  GroupCommit(std::unique_ptr<Journal> journal, const Clock& clock, GroupCommitLimits limits, Hooks hooks);

  /// All of it in one transaction, or, where that fails, each task in its own; then completes each.
  void commit(std::vector<JournalTask>& group);
  /// Checkpoints and retention, where they are due.
  void keep_house();
  /// When keep_house() has something to do though nothing was committed; max() where never.
  SteadyTime house_due() const;
  /// The last checkpoint; the journal is closed with this object.
  void close();

  const Journal& journal() const { return *journal_; }

 private:
  Result<void> try_commit(const std::vector<JournalTask*>& tasks, std::vector<Result<void>>& results);
  Result<void> commit_alone(JournalTask& task);
  void checkpoint();
  void retain();

  const Clock& clock_;
  const GroupCommitLimits limits_;
  const Hooks hooks_;
  std::unique_ptr<Journal> journal_;
  SteadyTime retention_due_;
  std::int64_t wal_seen_ = 0;
  std::int64_t wal_due_ = 0;
};

}  // namespace tillsync
