// The delivery thread: a DeliveryDriver with an HTTP client, and the view on each target that status and
// metrics show.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "agent/delivery_loop/delivery_driver.h"
#include "config/settings.h"
#include "outbox/journal/journal_thread.h"
#include "platform/http/client.h"

namespace tillsync {

/// A target as status and metrics show it.
struct TargetView {
  TargetStatus status;
  std::optional<UtcTime> last_success;
  std::optional<std::pair<UtcTime, std::string>> last_error;  ///< when, and the reason
  std::int64_t delivered = 0;                                 ///< since this process started
  double rate_per_s = 0;                                      ///< deliveries a second over the last seconds
  std::optional<std::chrono::milliseconds> retry_in;
};

struct DeliveryLoopLimits {
  DeliveryDriverLimits driver;
  std::chrono::milliseconds snapshot_every{250};
  std::chrono::milliseconds stop_patience{5'000};  ///< for requests under way when the daemon stops
};

class DeliveryLoop {
 public:
  struct Parts {
    const Settings& settings;
    JournalThread& journal;
    const Clock& clock;
    Random& random;
    /// Makes the connector of a target; it lives on the delivery thread, and so does what it gives to `post`,
    /// from any thread.
    using Post = std::function<void(std::function<void()>)>;
    std::function<Result<std::unique_ptr<TargetPort>>(const std::string& name, http::Client& client,
                                                      Post post)>
        make_port;
    /// A backlog was owed to a target and all of it is delivered now; `was_away`: meanwhile it could not be
    /// reached. On the delivery thread.
    std::function<void(const std::string& target, bool was_away)> drained;
    /// A read met damage in the journal; on the delivery thread, perhaps often.
    std::function<void(const Error& error)> damaged = {};
  };

  /// Reads each target's memory from `lanes`, makes its connector, and starts the thread. `head`: the
  /// journal's last sequence.
  static Result<std::unique_ptr<DeliveryLoop>> start(Parts parts,
                                                     const std::map<std::string, LaneMemory>& lanes,
                                                     Sequence head, DeliveryLoopLimits limits = {});
  ~DeliveryLoop();
  /// Lets requests under way end (stop_patience), hands what became of them to the journal, and ends the
  /// thread. The views stay as they were. The object must live until the journal has answered what it was
  /// handed: its answers still come here.
  void stop();
  /// Ends the connectors; after stop(), and when the journal has answered.
  void end();

  /// From any thread.
  void committed(const CommitNews& news);
  /// An operator's decision, after the journal has it; from any thread. `then` runs on the delivery thread
  /// once it is in force and shows in targets().
  void decided(const DecisionFact& fact, std::function<void()> then);
  std::map<std::string, TargetView> targets() const;
  /// Documents that wait, directly or not, for a quarantined delivery.
  std::int64_t blocked_documents() const;

 private:
  DeliveryLoop(Parts parts, DeliveryLoopLimits limits);
  void loop();
  std::chrono::milliseconds time_to_wait() const;
  void tell(std::function<void()> event);
  void handle_events();
  void note(const std::string& target, const Outcome& outcome);
  bool missed_documents();
  void publish(bool force);

  Parts parts_;
  const DeliveryLoopLimits limits_;
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<JournalReader> reader_;
  std::unique_ptr<DocumentsAhead> ahead_;
  std::optional<DeliveryDriver> driver_;

  // Delivery thread only.
  std::vector<std::function<void()>> after_publish_;
  std::map<std::string, TargetView> views_;
  std::map<std::string, std::int64_t> rate_base_;
  std::map<std::string, bool> owing_;
  std::set<std::string> away_;  ///< could not be reached since its backlog last drained
  SteadyTime rate_since_;
  SteadyTime published_at_;
  bool changed_ = true;
  Sequence seen_head_;  ///< the driver knows it

  mutable std::mutex mutex_;
  std::vector<std::function<void()>> events_;  // guarded by mutex_
  Sequence head_;                              // guarded by mutex_
  SteadyTime posted_at_ = SteadyTime::min();   // guarded by mutex_
  bool wants_documents_ = true;                // guarded by mutex_: commits wake the thread
  std::map<std::string, TargetView> shown_;    // guarded by mutex_
  std::int64_t shown_blocked_ = 0;             // guarded by mutex_
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace tillsync
