// Decides on what has to be decided before a document is sent: returns where a policy may hold or reject
// them, and customers whose fields were changed on both sides. Threads of its own, because central is asked;
// they start with the first review.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "config/settings.h"
#include "outbox/delivery/target_port.h"
#include "outbox/document/validation.h"
#include "outbox/journal/group_commit.h"
#include "outbox/journal/reader.h"
#include "reconcile/central_facts/fetch_port.h"
#include "reconcile/conflicts/inquiry.h"
#include "reconcile/conflicts/policies.h"

namespace tillsync {

SystemsOfRecord systems_of_record(const Settings& settings);

struct ReviewerLimits {
  std::size_t threads_max = 4;      ///< each asks one question at a time
  std::size_t waiting_max = 1'024;  ///< beyond it a delivery is put off
};

class Reviewer {
 public:
  struct Parts {
    const Settings& settings;
    StoreDefaults store;
    Routes routes;
    JournalQueue& journal;
    TradeIndex& trade;
    const Clock& clock;
    /// Null: nobody can be asked. Called on the reviewer's threads.
    std::function<Result<std::unique_ptr<FetchPort>>(const std::string& target)> make_port;
    /// A read of the journal met damage.
    std::function<void(const Error& error)> damaged = {};
  };
  explicit Reviewer(Parts parts, ReviewerLimits limits = {});
  ~Reviewer();
  Reviewer(const Reviewer&) = delete;
  Reviewer& operator=(const Reviewer&) = delete;

  /// Whether documents of any type have to pass here.
  bool wants_any() const { return wants(DocumentType::kReturn) || wants(DocumentType::kCustomerUpdate); }
  /// Whether documents of this type have to pass here.
  bool wants(DocumentType type) const;
  /// `done` gets nothing where the delivery may be sent: what was found is durable then. Else its outcome in
  /// the place of one by the target. Called on a thread of the reviewer's, or at once on the caller's.
  /// `target`: the delivery's. Where that is who is asked and it does not answer, the outcome says so of it.
  using Done = std::function<void(std::optional<Outcome>)>;
  void review(const std::string& target, OutgoingDelivery delivery, Done done);
  /// Answers all that waits as put off, and ends the threads.
  void stop();

 private:
  struct Job {
    std::string target;
    OutgoingDelivery delivery;
    Done done;
  };
  class Desk;
  const char* queue(Job& job);
  void loop();

  const Parts parts_;
  const ReviewerLimits limits_;
  const ConflictPolicies policies_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;              // guarded by mutex_
  std::size_t idle_ = 0;              // guarded by mutex_
  bool stopping_ = false;             // guarded by mutex_
  std::vector<std::thread> threads_;  // guarded by mutex_
};

}  // namespace tillsync
