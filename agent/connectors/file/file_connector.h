// The `file` connector: documents go into files, a batch a file, in a folder that head office takes them out
// of. Its TargetPort is used on the delivery thread; files, fsync and servers wait on a thread of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "agent/connectors/file/batch_sender.h"
#include "outbox/delivery/target_port.h"

namespace tillsync::file {

class FileConnector final : public TargetPort {
 public:
  using Post = std::function<void(std::function<void()>)>;
  /// More batches and look-ups than wait for the thread at once are told to come again.
  static constexpr std::size_t kJobsMax = 64;

  /// `post` runs what it is given on the delivery thread; it is called until the connector is destroyed.
  /// `stop` is set then, so that a transfer under way ends; it is the sender's folder's.
  FileConnector(std::unique_ptr<BatchSender> sender, std::shared_ptr<std::atomic<bool>> stop, Post post,
                const PaceLimits& limits);
  /// Waits for the file under way. What it was about is looked up at the next start.
  ~FileConnector() override;

  PaceLimits limits() const override { return limits_; }
  void submit(std::vector<OutgoingDelivery> batch, std::function<void(std::vector<Outcome>)> done) override;
  void look_up(OutgoingDelivery delivery, std::function<void(LookUpAnswer)> done) override;

 private:
  bool enqueue(std::function<void()> job);
  void loop();

  const std::unique_ptr<BatchSender> sender_;  // its own thread alone
  const std::shared_ptr<std::atomic<bool>> stop_;
  const Post post_;
  const PaceLimits limits_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace tillsync::file
