// How the doors stand, for status and metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/access/certificates.h"
#include "agent/access/gate.h"

namespace tillsync {

struct AccessSample {
  std::vector<CertificateView> certificates;               ///< of the listeners with TLS
  std::map<std::string, GateCounts> gates;                 ///< by API: "till", "ops"
  std::map<std::string, std::uint64_t> handshakes_failed;  ///< likewise, of those with TLS
};

}  // namespace tillsync
