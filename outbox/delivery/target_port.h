// The port that connectors implement: one delivery in, one outcome out. Retry, order and pace are not their
// business. Single-threaded: called, and calling back, on the delivery thread only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "outbox/delivery/outcome.h"
#include "outbox/delivery/pace.h"
#include "outbox/document/document.h"
#include "platform/base/ids.h"
#include "platform/base/mutation.h"

namespace tillsync {

/// All that a connector needs to know of one delivery.
struct OutgoingDelivery {
  DeliveryKey key;
  DocumentType type = DocumentType::kSale;
  std::string store;
  std::string document_id;
  std::string document;     ///< canonical JSON
  std::string traceparent;  ///< W3C Trace Context
  std::string correlation_id;
  int attempt = 1;

  /// CONTRACT section 6: "STORE/ID".
  std::string reference() const { return store + "/" + document_id; }
  /// CONTRACT section 6: "STORE/ID:STEP". The same for every attempt, so that the effect stays one (I3).
  std::string idempotency_key() const {
    return reference() + ":" + key.step + (mutated("key-per-attempt") ? std::to_string(attempt) : "");
  }
};

struct LookUpAnswer {
  enum class Kind {
    kFound,    ///< central has it: `outcome` is kDelivered
    kAbsent,   ///< central does not have it: it may be sent again
    kRefused,  ///< central will not take it, or not the rest of it: `outcome` is kRejected
    kFailed,   ///< the look-up itself got no answer: `outcome` says why, and when to try again
  } kind = Kind::kFailed;
  Outcome outcome;
};

class TargetPort {
 public:
  virtual ~TargetPort() = default;
  /// What the target bears, by its settings and by what its connector knows of it.
  virtual PaceLimits limits() const { return {}; }
  /// Requests to the target that one submit() of so many deliveries, or one look_up(), may take at most,
  /// signing in included: what its pace has to leave room for.
  virtual int requests_max(std::size_t deliveries) const { return deliveries > 0 ? 1 : 0; }
  /// Sends 1 to batch_max deliveries in one request; `done` gets one outcome for each, in their order.
  virtual void submit(std::vector<OutgoingDelivery> batch,
                      std::function<void(std::vector<Outcome>)> done) = 0;
  /// Asks whether central has this delivery already.
  virtual void look_up(OutgoingDelivery delivery, std::function<void(LookUpAnswer)> done) = 0;
};

}  // namespace tillsync
