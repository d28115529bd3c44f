// X.509 certificates (RFC 5280) in PEM, read by OpenSSL: what people and checks want to know of one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "platform/base/time.h"

namespace tillsync::tls {

struct CertificateFacts {
  std::string subject;  ///< RFC 2253: "CN=till.example.com,O=Shop"
  UtcTime not_before{};
  UtcTime not_after{};
  /// The subject's CN, then the DNS, IP and e-mail names of subjectAltName; each once.
  std::vector<std::string> names;
  /// What a client that verifies may call the server by: a DNS name, else an IP address, else the CN; a
  /// wildcard's star is filled in. "" where there is none.
  std::string host;
};

/// Of the first certificate in the text. kInvalid `certificate` where there is none, with the cure.
Result<CertificateFacts> certificate_facts(std::string_view pem);

/// Whole days until `not_after`, negative once it is past.
int days_left(const CertificateFacts& facts, UtcTime now);

}  // namespace tillsync::tls
