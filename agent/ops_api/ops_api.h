// The ops API (CONTRACT section 3): how the store stands, what central has, and what a person decides. Runs
// on the event loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/access/access_sample.h"
#include "agent/delivery_loop/delivery_loop.h"
#include "agent/http_server/server.h"
#include "agent/ops_api/metrics.h"
#include "agent/reconcile_loop/reconcile_loop.h"
#include "agent/views/settings_state.h"
#include "agent/workers/worker_pool.h"
#include "outbox/document/validation.h"
#include "outbox/journal/journal_thread.h"
#include "platform/crypto/ed25519.h"

namespace tillsync {

class OpsApi {
 public:
  struct Parts {
    const Settings& settings;
    StoreDefaults store;
    JournalThread& journal;
    DeliveryLoop& delivery;
    ReconcileLoop& reconcile;
    WorkerPool& workers;
    Metrics& metrics;
    std::function<bool()> accepting;  ///< whether tills can post now
    std::function<DiskSample()> disk;
    const Clock& clock;
    std::function<std::map<std::string, IntakeCounts>()> intakes = {};  ///< by name; may be empty
    const SigningKey* report_key = nullptr;                             ///< none: reports are not signed
    std::function<AccessSample()> access = {};
    std::function<SettingsState()> settings_state = {};
    /// A decision that the journal has, for the deliveries that run then; `then` once it is in force.
    std::function<void(const DecisionFact&, std::function<void()> then)> decided = {};
    UtcTime started_at{};  ///< the daemon
  };
  explicit OpsApi(Parts parts) : parts_(std::move(parts)) {}

  void handle(ServerRequest request, Responder respond);

 private:
  void get(const ServerRequest& request, const std::vector<std::string>& segments, Responder respond);
  void post(const ServerRequest& request, const std::vector<std::string>& segments, Responder respond);
  std::map<std::string, IntakeCounts> intakes() const;
  SettingsState settings_state() const {
    return parts_.settings_state ? parts_.settings_state() : SettingsState();
  }
  AccessSample access() const { return parts_.access ? parts_.access() : AccessSample(); }
  void status(Responder respond);
  void metrics(Responder respond);
  /// Answers with what `show` makes of the report that the request asks for.
  void report(const ServerRequest& request, Responder respond,
              std::function<ServerResponse(Report, const std::string& accept)> show);
  void quarantine(Responder respond);
  void conflicts(const ServerRequest& request, Responder respond);
  void resolve_conflict(const ServerRequest& request, const std::string& id, Responder respond);
  void journal(const ServerRequest& request, Responder respond);
  void explain(const std::string& id, Responder respond);
  void decide_quarantine(const ServerRequest& request, const std::string& delivery, const std::string& verb,
                         Responder respond);
  void amend(DecisionFact fact, const json::Value& body, Responder respond);
  void decide_target(const ServerRequest& request, const std::string& target, const std::string& verb,
                     Responder respond);
  void decide(DecisionFact fact, Responder respond);
  /// Runs on a worker; answers 503 where too much waits.
  void read(Responder respond, std::function<ServerResponse(JournalReader&)> make);

  Parts parts_;
};

}  // namespace tillsync
