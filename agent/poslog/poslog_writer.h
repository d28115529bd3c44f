// Documents as POSLog XML (ARTS/OMG POSLog 6, the namespace that the ARTS Digital Receipt shares). pugixml
// stays in this folder. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "outbox/document/document.h"
#include "platform/base/result.h"

namespace tillsync {

inline constexpr const char* kPoslogNamespace = "http://www.nrf-arts.org/IXRetail/namespace/";
/// Of what POSLog has no element for: references, idempotency keys, a till's own words.
inline constexpr const char* kPoslogOwnNamespace = "urn:tillsync:poslog:1";

struct OutgoingPoslog {
  const Document& document;
  std::string store;
  std::string reference;        ///< "STORE/ID"
  std::string idempotency_key;  ///< "STORE/ID:STEP"
  std::int64_t sequence = 0;    ///< the journal's
};

/// kInvalid with the reason: POSLog has no transaction of that type, or XML 1.0 no way to write one of its
/// texts.
Result<void> check_poslog(const Document& document);

/// One <POSLog> with a <Transaction> for each, UTF-8. Amounts and quantities are exact. Each has passed
/// check_poslog().
std::string poslog_text(const std::vector<OutgoingPoslog>& transactions);

}  // namespace tillsync
