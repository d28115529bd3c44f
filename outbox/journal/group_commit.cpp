#include "outbox/journal/group_commit.h"

#include <algorithm>

#include "platform/base/mutation.h"
#include "platform/log/log.h"

namespace tillsync {
namespace {

bool concerns_one_task(const Error& error) {
  return error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kNotFound;
}

/// The defect "answer-before-commit".
void answer_early(std::vector<JournalTask>& group, Journal& journal) {
  if (!journal.begin()) return;
  for (auto& task : group) {
    auto applied = task.apply(journal);
    if (applied && task.done) std::exchange(task.done, {})(ok());
  }
  journal.rollback();
}

constexpr int kRoomTries = 8;  ///< each may release one more piece of the reserve

}  // namespace

JournalTask post_task(std::vector<DocumentPost> posts,
                      std::function<void(std::vector<Result<PostAnswer>>)> done) {
  struct Shared {
    std::vector<DocumentPost> posts;
    std::vector<Result<PostAnswer>> answers;
  };
  auto shared = std::make_shared<Shared>();
  shared->posts = std::move(posts);
  JournalTask task;
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
  task.done = [shared, done = std::move(done)](Result<void> result) {
    if (!result) shared->answers.assign(shared->posts.size(), Result<PostAnswer>(result.error()));
    done(std::move(shared->answers));
  };
  return task;
}

GroupCommit::GroupCommit(std::unique_ptr<Journal> journal, const Clock& clock, GroupCommitLimits limits,
                         Hooks hooks)
    : clock_(clock), limits_(limits), hooks_(std::move(hooks)), journal_(std::move(journal)) {
  retention_due_ = clock_.steady_now() + limits_.retention_every;
  wal_due_ = limits_.wal_passive_bytes;
}

// Runs the tasks in one transaction. A storage error means that none of them happened.
Result<void> GroupCommit::try_commit(const std::vector<JournalTask*>& tasks,
                                     std::vector<Result<void>>& results) {
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

Result<void> GroupCommit::commit_alone(JournalTask& task) {
  std::vector<Result<void>> results;
  for (int tries = 0;; ++tries) {
    auto committed = try_commit({&task}, results);
    if (committed) return results[0];
    // The reserve is there for facts; posts wait until the disk has room of its own (I2). A full disk shows
    // as other failures too (shared memory that cannot grow): the hook knows whether room is what is missing.
    const bool is_fact = committed.error().kind == ErrorKind::kStorage && task.bytes == 0;
    if (!is_fact || tries >= kRoomTries || !hooks_.make_room || !hooks_.make_room()) return committed;
  }
}

void GroupCommit::commit(std::vector<JournalTask>& group) {
  std::vector<JournalTask*> tasks;
  for (auto& task : group) tasks.push_back(&task);
  std::vector<Result<void>> results;
  if (mutated("answer-before-commit")) answer_early(group, *journal_);
  const auto begun = clock_.steady_now();
  bool committed = try_commit(tasks, results).has_value();
  const auto took = clock_.steady_now() - begun;
  if (!committed) {
    // What does not fit together may fit alone: a small outcome where a large document finds no room.
    results.clear();
    for (auto* task : tasks) {
      results.push_back(commit_alone(*task));
      if (results.back() || concerns_one_task(results.back().error())) committed = true;
    }
  }
  for (const auto& result : results) {
    if (!result && !concerns_one_task(result.error())) {
      log::error("journal.write_failed", {{"code", result.error().code}, {"detail", result.error().detail}});
      break;
    }
  }
  if (hooks_.before_answers) hooks_.before_answers(committed);
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (group[i].done) group[i].done(std::move(results[i]));
  }
  if (!hooks_.on_commit) return;
  const bool documents =
      std::any_of(group.begin(), group.end(), [](const JournalTask& task) { return task.bytes > 0; });
  hooks_.on_commit(
      CommitNews{journal_->head().sequence, journal_->take_changes(), took, group.size(), documents});
}

SteadyTime GroupCommit::house_due() const {
  return limits_.retention_trading_days == 0 ? SteadyTime::max() : retention_due_;
}

void GroupCommit::keep_house() {
  checkpoint();
  retain();
}

void GroupCommit::checkpoint() {
  const auto wal = journal_->wal_bytes();
  if (wal < wal_seen_) wal_due_ = limits_.wal_passive_bytes;  // it has started over
  wal_seen_ = wal;
  if (wal < wal_due_) return;
  // One that fails is tried again when the log has grown once more. On a full disk it is worth the reserve: a
  // log that cannot be moved into the database eats more of it.
  const bool truncate = wal >= limits_.wal_truncate_bytes;
  auto moved = journal_->checkpoint(truncate);
  for (int tries = 0; !moved && tries < kRoomTries && hooks_.make_room && hooks_.make_room(); ++tries)
    moved = journal_->checkpoint(truncate);
  wal_due_ = wal + limits_.wal_passive_bytes;
}

void GroupCommit::retain() {
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

void GroupCommit::close() {
  (void)journal_->checkpoint(true).has_value();  // the next start replays the WAL where this failed
}

}  // namespace tillsync
