#include "agent/connectors/mapped/mapped_read_back.h"

#include "agent/connectors/mapped/verdict.h"
#include "agent/connectors/rest_read_back.h"

namespace tillsync {

Reply MappedReadBack::ask(BusinessDay day, const std::optional<std::string>& cursor) {
  MappingInput input;
  input.text("day", day.text()).text("store", parts_.store);
  input.value("cursor", cursor ? json::Value(*cursor) : json::Value());
  input.json("parameters", json::dump(parts_.parameters));
  const RequestSpec& request = parts_.connector->read_back->requests.front();
  std::optional<Reply> reply;
  parts_.requester.send(request, "connector " + parts_.connector->name + ", read_back." + request.name, input,
                        [&](Reply got) { reply = std::move(got); });
  parts_.inbox->run_until([&] { return reply.has_value() || parts_.given_up(); });
  if (reply) return std::move(*reply);
  Reply none;
  none.outcome.emplace().reason = "there is no answer";
  return none;
}

Result<CentralPage> MappedReadBack::read_back(BusinessDay day, const std::optional<std::string>& cursor) {
  const auto unavailable = [this](const std::string& why) {
    return Error{ErrorKind::kUnavailable, "read-back",
                 "target " + parts_.target + " cannot be read back: " + why};
  };
  if (!parts_.connector->read_back)
    return unavailable("connector " + parts_.connector->name + " has no [read_back]");
  Reply reply = ask(day, cursor);
  if (reply.outcome && reply.answer.status == 401) reply = ask(day, cursor);  // with a credential that is new
  // Not an empty list: then all that the store delivered would be missing.
  if (reply.passed_over) return unavailable("the request's `when` says no");
  if (reply.outcome) return unavailable(reply.outcome->reason);
  if (const auto verdict = verdict_of(reply.said, reply.answer, {});
      verdict.kind == Verdict::Kind::kSettled) {
    if (verdict.outcome.signal == TargetSignal::kUnauthorized) reply.refuse_credential();
    return unavailable(verdict.outcome.reason);
  }
  const json::Value* rows = reply.said.find("rows");
  const json::Value* next = reply.said.find("next");
  json::Object page;
  if (rows != nullptr) page.emplace_back("documents", *rows);
  page.emplace_back("next", next == nullptr ? json::Value() : *next);
  auto parsed = parse_central_page(json::dump(json::Value(std::move(page))));
  if (!parsed) {
    return Error{
        parsed.error().kind, parsed.error().code,
        "target " + parts_.target + ", connector " + parts_.connector->name + ": " + parsed.error().detail};
  }
  return parsed;
}

}  // namespace tillsync
