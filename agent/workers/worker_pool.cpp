#include "agent/workers/worker_pool.h"

#include "platform/service/this_thread.h"

namespace tillsync {

Result<std::unique_ptr<WorkerPool>> WorkerPool::start(const std::string& journal_folder, std::size_t threads,
                                                      const std::function<void(const Error&)>& on_damage) {
  std::unique_ptr<WorkerPool> pool(new WorkerPool);
  for (std::size_t i = 0; i < threads; ++i) {
    auto reader = JournalReader::open(journal_folder, "", on_damage);
    if (!reader) return reader.error();
    pool->readers_.push_back(std::move(*reader));
  }
  for (auto& reader : pool->readers_) {
    pool->threads_.emplace_back([self = pool.get(), &reader = *reader] { self->loop(reader); });
  }
  return pool;
}

WorkerPool::~WorkerPool() {
  stop();
}

void WorkerPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

bool WorkerPool::run(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= kJobsMax || stopping_) return false;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void WorkerPool::loop(JournalReader& reader) {
  name_this_thread("worker");
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job(reader);
    job = nullptr;  // what it holds goes outside the lock
    lock.lock();
  }
}

}  // namespace tillsync
