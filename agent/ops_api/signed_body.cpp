#include "agent/ops_api/signed_body.h"

#include "agent/ops_api/decided_by.h"

namespace tillsync {
namespace {
constexpr std::size_t kReasonBytesMax = 1'024;
}

Result<SignedBody> read_signed(const ServerRequest& request) {
  const Error wrong{ErrorKind::kInvalid, "malformed",
                    "the body must be {\"reason\":\"why\",\"by\":\"who\"}, each 1 to 1024 bytes"};
  auto body = json::parse(request.body);
  if (!body || body->as_object() == nullptr) return wrong;
  SignedBody decision{std::move(*body), {}, {}};
  decision.reason = decision.body.text_of("reason");
  decision.by = decision.body.text_of("by");
  for (const auto* part : {&decision.reason, &decision.by}) {
    if (part->size() > kReasonBytesMax) return wrong;
  }
  decision.by = decided_by(request, decision.by);
  if (decision.reason.empty() || decision.by.empty()) return wrong;
  return decision;
}

}  // namespace tillsync
