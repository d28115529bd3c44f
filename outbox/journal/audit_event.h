// What a person changed about who may do what: told as it is noticed, to be kept as evidence beside the
// journal's decisions. What is a fact of the journal already (a decision on a delivery, on a target) is not
// told a second time.
#pragma once

#include <functional>
#include <string>

namespace tillsync {

struct AuditEvent {
  /// "terminal-added", "terminal-revoked", "terminal-changed", "terminal-removed", the same with "operator-",
  /// "certificate-replaced", or "settings-changed". -changed and -removed: the file was edited by other means
  /// than the command line.
  std::string what;
  std::string subject;  ///< the terminal, the operator, or the listener ("till", "ops"); "" of settings
  std::string by;       ///< who did it, as far as the file says; "" where it does not
  std::string detail;   ///< for people: token id, role, when it ends, which settings; never a secret
};

/// As it stands in its record of the journal: a JSON object of the members above.
std::string encode_audit(const AuditEvent& event);

/// Told at least once: after a crash at the wrong moment twice. On the event loop's thread.
using AuditSink = std::function<void(const AuditEvent&)>;

}  // namespace tillsync
