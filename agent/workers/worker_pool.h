// Threads for what must not hold up the event loop: large bodies, reads of the journal, reports. Each has a
// journal reader of its own.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "outbox/journal/reader.h"

namespace tillsync {

class WorkerPool {
 public:
  using Job = std::function<void(JournalReader&)>;
  static constexpr std::size_t kJobsMax = 1'024;

  /// Opens one reader per thread; the journal must exist. `on_damage`: JournalReader::open's, on whichever
  /// thread met it.
  static Result<std::unique_ptr<WorkerPool>> start(const std::string& journal_folder, std::size_t threads,
                                                   const std::function<void(const Error&)>& on_damage = {});
  ~WorkerPool();
  /// Finishes what is queued and ends the threads; run() then refuses.
  void stop();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Queues a job; false where kJobsMax wait already. From any thread.
  bool run(Job job);

 private:
  WorkerPool() = default;
  void loop(JournalReader& reader);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;   // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::vector<std::unique_ptr<JournalReader>> readers_;
  std::vector<std::thread> threads_;
};

}  // namespace tillsync
