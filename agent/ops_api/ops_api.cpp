#include "agent/ops_api/ops_api.h"

#include <fmt/format.h>
#include <set>

#include "agent/http_server/problems.h"
#include "agent/ops_api/decided_by.h"
#include "agent/ops_api/journal_reads.h"
#include "agent/ops_api/report_answers.h"
#include "agent/ops_api/signed_body.h"
#include "agent/views/status_view.h"
#include "reconcile/reports/report.h"

namespace tillsync {
namespace {

/// "SEQUENCE:STEP".
std::optional<DeliveryKey> delivery_key(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return std::nullopt;
  const auto sequence = integer(text.substr(0, colon));
  if (!sequence) return std::nullopt;
  return DeliveryKey{Sequence{*sequence}, std::string(text.substr(colon + 1))};
}

/// What the path takes, for Allow; "" where there is no such path.
std::string allowed(const std::vector<std::string>& path) {
  static const std::set<std::vector<std::string>> kRead = {{"healthz"},
                                                           {"readyz"},
                                                           {"metrics"},
                                                           {"v1", "status"},
                                                           {"v1", "reports", "reconciliation"},
                                                           {"v1", "reports", "trial-balance"},
                                                           {"v1", "quarantine"},
                                                           {"v1", "conflicts"},
                                                           {"v1", "journal"}};
  if (kRead.contains(path)) return "GET, HEAD";
  if (path.size() != 4 || path[0] != "v1") return {};
  if (path[1] == "documents" && path[3] == "story") return "GET, HEAD";
  const bool quarantine =
      path[1] == "quarantine" && (path[3] == "retry" || path[3] == "discard" || path[3] == "amend");
  const bool conflict = path[1] == "conflicts" && path[3] == "resolve";
  const bool target = path[1] == "targets" && (path[3] == "pause" || path[3] == "resume");
  return quarantine || conflict || target ? "POST" : "";
}

/// A browser sends Origin with a post (Fetch, section 3.2); a page of another site must not decide for the
/// person before the screen.
bool is_cross_site(const ServerRequest& request) {
  const auto origin = request.header("origin");
  if (origin.empty()) return false;
  const auto scheme = origin.find("://");  // "null" has none
  return scheme == std::string_view::npos || origin.substr(scheme + 3) != request.header("host");
}

}  // namespace

void OpsApi::handle(ServerRequest request, Responder respond) {
  const auto segments = request.segments();
  if (const auto allow = allowed(segments); !allow.empty() && allow.find(request.method) == std::string::npos)
    return respond(not_allowed(allow));
  if (request.method == "GET" || request.method == "HEAD") return get(request, segments, std::move(respond));
  if (request.method == "POST") return post(request, segments, std::move(respond));
  respond(not_found("There is no such path."));
}

void OpsApi::get(const ServerRequest& request, const std::vector<std::string>& path, Responder respond) {
  const auto is = [&path](std::initializer_list<std::string_view> wanted) {
    return std::equal(path.begin(), path.end(), wanted.begin(), wanted.end());
  };
  if (is({"healthz"})) return respond(text_response(200, "ok\n"));
  if (is({"readyz"})) {
    const bool ready = parts_.accepting();
    return respond(text_response(ready ? 200 : 503, ready ? "ready\n" : "not accepting\n"));
  }
  if (is({"metrics"})) return metrics(std::move(respond));
  if (is({"v1", "status"})) return status(std::move(respond));
  if (is({"v1", "reports", "reconciliation"})) {
    return report(request, std::move(respond), [this](Report made, const std::string& accept) {
      return report_response(std::move(made), accept, parts_.report_key);
    });
  }
  if (is({"v1", "reports", "trial-balance"}))
    return report(request, std::move(respond), trial_balance_response);
  if (is({"v1", "quarantine"})) return quarantine(std::move(respond));
  if (is({"v1", "conflicts"})) return conflicts(request, std::move(respond));
  if (is({"v1", "journal"})) return journal(request, std::move(respond));
  if (path.size() == 4 && path[0] == "v1" && path[1] == "documents" && path[3] == "story") {
    return explain(path[2], std::move(respond));
  }
  respond(
      not_found("The ops API has /healthz, /readyz, /metrics, /v1/status, /v1/reports/reconciliation, "
                "/v1/reports/trial-balance, /v1/quarantine, /v1/conflicts, /v1/journal, "
                "/v1/documents/{id}/story and /v1/targets."));
}

void OpsApi::post(const ServerRequest& request, const std::vector<std::string>& path, Responder respond) {
  if (is_cross_site(request)) {
    return respond(problem_response(403, "forbidden", "Posted by another site",
                                    "The Origin header names another site than this address."));
  }
  if (path.size() == 4 && path[0] == "v1" && path[1] == "quarantine") {
    return decide_quarantine(request, path[2], path[3], std::move(respond));
  }
  if (path.size() == 4 && path[0] == "v1" && path[1] == "conflicts" && path[3] == "resolve") {
    return resolve_conflict(request, path[2], std::move(respond));
  }
  if (path.size() == 4 && path[0] == "v1" && path[1] == "targets") {
    return decide_target(request, path[2], path[3], std::move(respond));
  }
  respond(
      not_found("POST goes to /v1/quarantine/{delivery}/retry, /discard, /amend, "
                "/v1/conflicts/{id}/resolve, and /v1/targets/{name}/pause, /resume."));
}

void OpsApi::read(Responder respond, std::function<ServerResponse(JournalReader&)> make) {
  const bool queued =
      parts_.workers.run([respond, make = std::move(make)](JournalReader& reader) { respond(make(reader)); });
  if (!queued)
    respond(problem_response(503, "overloaded", "tillsync is busy",
                             "Too much waits to be read; ask again in a second."));
}

void OpsApi::status(Responder respond) {
  const auto counts = parts_.journal.counts();
  const auto targets = parts_.delivery.targets();
  const auto blocked = parts_.delivery.blocked_documents();
  const bool accepting = parts_.accepting();
  read(std::move(respond),
       [this, counts, targets, blocked, accepting, intakes = intakes(), facts = parts_.reconcile.facts(),
        certificates = access().certificates, settings = settings_state()](JournalReader& reader) {
         auto oldest = reader.oldest_open();
         if (!oldest) return error_response(oldest.error());
         auto recoveries = reader.recoveries();
         if (!recoveries) return error_response(recoveries.error());
         return json_response(
             status_view(StatusSample{parts_.settings.store.id, accepting, counts, targets, blocked, *oldest,
                                      std::move(*recoveries), intakes, facts, certificates, settings}));
       });
}

std::map<std::string, IntakeCounts> OpsApi::intakes() const {
  return parts_.intakes ? parts_.intakes() : std::map<std::string, IntakeCounts>();
}

void OpsApi::metrics(Responder respond) {
  MetricsSample sample{parts_.journal.counts(),
                       parts_.delivery.targets(),
                       parts_.delivery.blocked_documents(),
                       parts_.disk(),
                       parts_.settings.journal.disk_reserve_mib * 1024 * 1024,
                       parts_.accepting(),
                       parts_.journal.head(),
                       parts_.clock.utc_now(),
                       intakes(),
                       parts_.reconcile.service(),
                       parts_.reconcile.facts(),
                       access(),
                       parts_.started_at,
                       parts_.reconcile.caught_up(),
                       settings_state()};
  respond(text_response(200, parts_.metrics.text(sample), kMetricsMediaType));
}

void OpsApi::report(const ServerRequest& request, Responder respond,
                    std::function<ServerResponse(Report, const std::string& accept)> show) {
  auto period = read_period(request);
  if (!period) return respond(bad_request(period.error().detail));
  const bool refresh = request.parameter("refresh").value_or("true") != "false";
  read(std::move(respond), [this, period = *period, refresh, show = std::move(show),
                            accept = std::string(request.header("accept"))](JournalReader& reader) {
    auto report = parts_.reconcile.report(reader, period.from, period.to, refresh);
    if (!report && report.error().kind == ErrorKind::kInvalid) return bad_request(report.error().detail);
    return report ? show(*std::move(report), accept) : error_response(report.error());
  });
}

void OpsApi::quarantine(Responder respond) {
  read(std::move(respond), [](JournalReader& reader) { return quarantine_response(reader); });
}

void OpsApi::journal(const ServerRequest& request, Responder respond) {
  const auto page = read_page(request);
  if (!page) return respond(bad_request(page.error().detail));
  read(std::move(respond), [page = *page](JournalReader& reader) { return records_response(reader, page); });
}

void OpsApi::explain(const std::string& id, Responder respond) {
  read(std::move(respond), [id](JournalReader& reader) { return story_response(reader, id); });
}

void OpsApi::decide_quarantine(const ServerRequest& request, const std::string& delivery,
                               const std::string& verb, Responder respond) {
  using Kind = DecisionFact::Kind;
  const auto key = delivery_key(delivery);
  if (!key) return respond(not_found("A delivery is named SEQUENCE:STEP, as GET /v1/quarantine lists it."));
  DecisionFact fact;
  fact.delivery = *key;
  if (verb == "retry") {
    fact.kind = Kind::kRetry;
  } else if (verb == "discard") {
    fact.kind = Kind::kDiscard;
  } else if (verb == "amend") {
    fact.kind = Kind::kAmend;
  } else {
    return respond(not_found("A quarantined delivery takes retry, discard or amend."));
  }
  auto decision = read_signed(request);
  if (!decision) return respond(bad_request(decision.error().detail));
  fact.reason = decision->reason;
  fact.by = decision->by;
  if (fact.kind == Kind::kAmend) return amend(std::move(fact), decision->body, std::move(respond));
  decide(std::move(fact), std::move(respond));
}

// The amended document keeps its identity: the same id, type and terminal, so that the effect at central
// stays one.
void OpsApi::amend(DecisionFact fact, const json::Value& body, Responder respond) {
  const auto* document = body.find("document");
  if (document == nullptr)
    return respond(bad_request("amend needs \"document\", the whole document as it should be"));
  auto checked = check_document(*document, parts_.store);
  if (const auto* refusal = std::get_if<Refusal>(&checked)) {
    std::string faults = refusal->detail;
    for (const auto& fault : refusal->faults) faults += "; " + fault.pointer + ": " + fault.detail;
    return respond(problem_response(422, "invalid-document", "The amended document is not valid", faults));
  }
  fact.amended = std::get<Document>(std::move(checked));
  const bool queued = parts_.workers.run([this, fact, respond](JournalReader& reader) {
    auto stored = reader.load(fact.delivery.document);
    if (!stored) return respond(error_response(stored.error()));
    if (!*stored) return respond(not_found("There is no such delivery."));
    const auto& old = (*stored)->document;
    if (old.id != fact.amended->id || old.type != fact.amended->type ||
        old.terminal != fact.amended->terminal || old.business_day != fact.amended->business_day) {
      return respond(problem_response(422, "invalid-document", "The amended document is another one",
                                      "id, type, terminal and business_day must stay as they are."));
    }
    decide(fact, respond);
  });
  if (!queued) respond(problem_response(503, "overloaded", "tillsync is busy", "Ask again in a second."));
}

void OpsApi::decide_target(const ServerRequest& request, const std::string& target, const std::string& verb,
                           Responder respond) {
  if (!parts_.settings.targets.contains(target))
    return respond(not_found("There is no target \"" + target + "\" in the settings."));
  DecisionFact fact;
  fact.target = target;
  if (verb == "pause") {
    fact.kind = DecisionFact::Kind::kPause;
  } else if (verb == "resume") {
    fact.kind = DecisionFact::Kind::kResume;
  } else {
    return respond(not_found("A target takes pause or resume."));
  }
  fact.by = decided_by(request, "");
  if (!request.body.empty()) {
    auto decision = read_signed(request);
    if (!decision) return respond(bad_request(decision.error().detail + ", or no body at all"));
    fact.reason = decision->reason;
    fact.by = decision->by;
  }
  decide(std::move(fact), std::move(respond));
}

void OpsApi::decide(DecisionFact fact, Responder respond) {
  auto shared = std::make_shared<DecisionFact>(std::move(fact));
  parts_.journal.run(
      [shared](Journal& journal) -> Result<void> {
        auto target = journal.decide(*shared);
        if (!target) return target.error();
        shared->target = *target;
        return ok();
      },
      [this, shared, respond](Result<void> done) {
        if (!done) {
          return respond(done.error().code == "no-such-delivery" ? not_found(done.error().detail)
                                                                 : error_response(done.error()));
        }
        json::Object answer{{"done", decision_name(shared->kind)}, {"target", shared->target}};
        if (!shared->delivery.step.empty()) {
          answer.emplace_back("delivery",
                              std::to_string(shared->delivery.document.value) + ":" + shared->delivery.step);
        }
        parts_.decided(*shared, [respond, answer] { respond(json_response(answer)); });
      });
}

}  // namespace tillsync
