// A connector tried on documents, with everything that goes over the wire written down: for the one who
// writes the file.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/connectors/mapped/connector.h"
#include "config/settings.h"
#include "outbox/delivery/target_port.h"
#include "platform/base/time.h"
#include "platform/http/client.h"
#include "platform/jq/mapper.h"
#include "reconcile/central_view/read_back_port.h"

namespace tillsync {

struct RehearsedExchange {
  http::Request request;                 ///< no secret in it: "***" in its place
  std::optional<http::Exchange> answer;  ///< nothing: there was none to give, so the rehearsal ended here
};

struct Rehearsal {
  std::vector<RehearsedExchange> exchanges;
  std::vector<Outcome> outcomes;  ///< one a delivery; empty: the answers ran out
  std::string found;              ///< of a look-up: "found", "absent", "refused", "failed"; "" otherwise
  std::optional<Result<CentralPage>> page;  ///< of a read-back; nothing: the answers ran out
};

struct RehearsalPlan {
  std::shared_ptr<const Connector> connector;
  std::string target = "target";
  TargetSettings settings;
  json::Value parameters;
  std::vector<OutgoingDelivery> deliveries;  ///< several: one batch
  bool look_up = false;                      ///< instead of sending; of the first
  /// Instead of both, and without deliveries: what the target has of a day, one page.
  std::optional<BusinessDay> read_back;
  std::optional<std::string> cursor;  ///< from the page before
  std::string store;                  ///< of a read-back
  bool live = false;                  ///< really sends
  std::deque<http::Answer> answers;   ///< what the target is to have said, where not live
};

/// Blocks until there is an outcome or no answer is left. Secrets are read where `live` says so, and only
/// then.
Result<Rehearsal> rehearse(RehearsalPlan plan, jq::Mapper& mapper, const Clock& clock);

}  // namespace tillsync
