// A connector tried on documents, with everything that goes over the wire written down: for the one who
// writes the file.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/connectors/mapped/connector.h"
#include "agent/connectors/mapped/mapped_fetch.h"
#include "config/settings.h"
#include "outbox/delivery/target_port.h"
#include "platform/base/time.h"
#include "platform/http/client.h"
#include "platform/jq/mapper.h"

namespace tillsync {

struct RehearsedExchange {
  http::Request request;                 ///< no secret in it: "***" in its place
  std::optional<http::Exchange> answer;  ///< nothing: there was none to give, so the rehearsal ended here
};

struct Rehearsal {
  std::vector<RehearsedExchange> exchanges;
  std::vector<Outcome> outcomes;  ///< one a delivery; empty: the answers ran out
  std::string found;              ///< of a look-up: "found", "absent", "refused", "failed"; "" otherwise
};

/// Where the answers come from.
struct Wire {
  bool live = false;                 ///< really sends
  std::deque<http::Answer> answers;  ///< what the target is to have said, where not live
};

struct RehearsalPlan {
  std::shared_ptr<const Connector> connector;
  std::string target = "target";
  TargetSettings settings;
  json::Value parameters;
  std::vector<OutgoingDelivery> deliveries;  ///< several: one batch
  bool look_up = false;                      ///< instead of sending; of the first
  Wire wire;
};

/// Blocks until there is an outcome or no answer is left. Secrets are read where `live` says so, and only
/// then.
Result<Rehearsal> rehearse(RehearsalPlan plan, jq::Mapper& mapper, const Clock& clock);

struct FetchPlan {
  std::shared_ptr<const Connector> connector;
  std::string target = "target";
  TargetSettings settings;
  json::Value parameters;
  std::string store;
  std::optional<BusinessDay> day;  ///< of the read-back, which is asked for in the place of a fetch
  FetchQuery query;
  std::size_t pages_max = 1;
  Wire wire;
};

struct RehearsedFetch {
  std::vector<RehearsedExchange> exchanges;
  std::vector<Result<FetchPage>> pages;  ///< in their order; the last may be what went wrong
};

/// Asks for pages until there is no next one, one fails, or `pages_max`. Rows of a read-back are those of
/// CONTRACT section 6.
Result<RehearsedFetch> rehearse_fetch(FetchPlan plan, jq::Mapper& mapper, const Clock& clock);

}  // namespace tillsync
