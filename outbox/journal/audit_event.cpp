#include "outbox/journal/audit_event.h"

#include "platform/json/json.h"

namespace tillsync {

std::string encode_audit(const AuditEvent& event) {
  return json::dump(json::Object{
      {"what", event.what}, {"subject", event.subject}, {"by", event.by}, {"detail", event.detail}});
}

}  // namespace tillsync
