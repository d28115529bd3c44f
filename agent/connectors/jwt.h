// The assertion by which a client shows who it is to a token endpoint: a JWT (RFC 7519) signed with its
// private key, for RFC 7523. Pure.
#pragma once

#include <chrono>
#include <string>

#include "platform/crypto/rsa.h"

namespace tillsync {

struct JwtClaims {
  std::string issuer;
  std::string subject;
  std::string audience;
  std::string scope;  ///< "" for none; some servers read it here and not in the request
  std::string id;     ///< of this assertion alone
  std::chrono::seconds issued_at;
  std::chrono::seconds expires_at;
};

struct JwtSigner {
  std::string algorithm;  ///< RS256, PS256
  std::string key_id;     ///< "" for none
};

/// In its compact form (RFC 7515 section 3.1).
std::string signed_jwt(const JwtClaims& claims, const JwtSigner& signer, const RsaKey& key);

}  // namespace tillsync
