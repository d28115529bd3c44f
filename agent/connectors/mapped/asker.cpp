#include "agent/connectors/mapped/asker.h"

namespace tillsync {

Reply Asker::ask(const RequestSpec& request, const std::string& what, const MappingInput& input) {
  Reply reply = once(request, what, input);
  if (reply.outcome && reply.answer.status == 401) reply = once(request, what, input);
  return reply;
}

Reply Asker::once(const RequestSpec& request, const std::string& what, const MappingInput& input) {
  const auto reply = std::make_shared<std::optional<Reply>>();
  requester_.send(request, what, input, [reply](Reply got) { *reply = std::move(got); });
  inbox_->run_until([&] { return reply->has_value() || (given_up_ && given_up_()); });
  if (*reply) return std::move(**reply);
  Reply none;
  none.outcome.emplace();
  none.outcome->kind = OutcomeKind::kRetryable;
  none.outcome->reason = "there is no answer to " + what;
  return none;
}

}  // namespace tillsync
