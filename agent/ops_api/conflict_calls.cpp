// OpsApi: conflicts, listed and resolved.
#include "agent/http_server/problems.h"
#include "agent/ops_api/journal_reads.h"
#include "agent/ops_api/ops_api.h"
#include "agent/ops_api/signed_body.h"
#include "agent/views/conflict_view.h"
#include "reconcile/conflicts/resolving.h"

namespace tillsync {
namespace {

constexpr std::size_t kConflictsPageMax = 1'000;

/// Of one business day all; without a day the open ones, a page at a time.
Result<std::vector<ConflictView>> read_page(JournalReader& reader, const std::optional<BusinessDay>& day,
                                            Sequence after) {
  return day ? reader.conflicts_of_day(*day, kConflictsOfDayMax)
             : reader.open_conflicts(after, kConflictsPageMax + 1);
}

ServerResponse conflicts_response(JournalReader& reader, const std::optional<BusinessDay>& day,
                                  Sequence after) {
  auto found = read_page(reader, day, after);
  if (!found) return error_response(found.error());
  const bool more = !day && found->size() > kConflictsPageMax;
  if (more) found->pop_back();
  json::Array list;
  for (const auto& conflict : *found) list.push_back(conflict_view(conflict));
  json::Object answer{{"conflicts", std::move(list)}};
  // For the next page: /v1/conflicts?after=
  answer.emplace_back("next", more ? json::Value(std::to_string(found->back().record.value)) : json::Value());
  return json_response(answer);
}

}  // namespace

void OpsApi::conflicts(const ServerRequest& request, Responder respond) {
  std::optional<BusinessDay> day;
  if (const auto text = request.parameter("business_day")) {
    auto parsed = BusinessDay::parse(*text);
    if (!parsed) return respond(bad_request(parsed.error().detail));
    day = *parsed;
  }
  const auto after = integer(request.parameter("after").value_or("0"));
  if (!after) return respond(bad_request("after is the id of a conflict"));
  read(std::move(respond), [day, after = Sequence{*after}](JournalReader& reader) {
    return conflicts_response(reader, day, after);
  });
}

void OpsApi::resolve_conflict(const ServerRequest& request, const std::string& id, Responder respond) {
  const auto number = integer(id);
  if (!number)
    return respond(not_found("There is no conflict \"" + id + "\"; GET /v1/conflicts lists them."));
  auto decision = read_signed(request);
  if (!decision) return respond(bad_request(decision.error().detail));
  const std::string choice(decision->body.text_of("choice"));
  if (choice.empty())
    return respond(bad_request("\"choice\" is missing; GET /v1/conflicts lists the choices"));
  struct Work {
    ResolutionFact resolution;
    std::optional<ConflictView> resolved;
    std::vector<DecisionFact> decisions;
  };
  auto work = std::make_shared<Work>(
      Work{ResolutionFact{Sequence{*number}, choice, decision->reason, decision->by}, {}, {}});
  parts_.journal.run(
      [work](Journal& journal) -> Result<void> {
        work->decisions.clear();  // a group that failed is tried again
        auto resolved = journal.resolve_conflict(work->resolution);
        if (!resolved) return resolved.error();
        work->resolved = std::move(*resolved);
        if (!work->resolved->fact.document) return ok();
        auto all = journal.conflicts_of(*work->resolved->fact.document);
        if (!all) return all.error();
        for (auto& consequence : consequences(*work->resolved, *all)) {
          auto target = journal.decide(consequence);
          if (!target && target.error().kind != ErrorKind::kInvalid) return target.error();
          if (!target) continue;  // that step did not wait
          consequence.target = *target;
          work->decisions.push_back(std::move(consequence));
        }
        return ok();
      },
      [this, work, respond](Result<void> done) {
        if (!done) {
          const auto& error = done.error();
          return respond(error.code == "no-such-conflict" ? not_found(error.detail) : error_response(error));
        }
        const auto answer = json_response(conflict_view(*work->resolved));
        if (work->decisions.empty()) return respond(answer);
        // Shown once all of them are in force.
        auto left = std::make_shared<std::size_t>(work->decisions.size());
        for (const auto& decided : work->decisions) {
          parts_.decided(decided, [left, respond, answer] {
            if (--*left == 0) respond(answer);
          });
        }
      });
}

}  // namespace tillsync
