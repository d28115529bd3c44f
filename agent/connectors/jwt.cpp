#include "agent/connectors/jwt.h"

#include "platform/crypto/base64.h"
#include "platform/json/json.h"

namespace tillsync {

std::string signed_jwt(const JwtClaims& claims, const JwtSigner& signer, const RsaKey& key) {
  json::Object header{{"alg", signer.algorithm}, {"typ", "JWT"}};
  if (!signer.key_id.empty()) header.emplace_back("kid", signer.key_id);
  json::Object body{{"iss", claims.issuer},
                    {"sub", claims.subject},
                    {"aud", claims.audience},
                    {"jti", claims.id},
                    {"iat", static_cast<std::int64_t>(claims.issued_at.count())},
                    {"exp", static_cast<std::int64_t>(claims.expires_at.count())}};
  if (!claims.scope.empty()) body.emplace_back("scope", claims.scope);
  const std::string text = to_base64url(json::dump(json::Value(std::move(header)))) + "." +
                           to_base64url(json::dump(json::Value(std::move(body))));
  const auto padding = signer.algorithm == "PS256" ? RsaKey::Padding::kPss : RsaKey::Padding::kPkcs1;
  return text + "." + to_base64url(key.sign(text, padding));
}

}  // namespace tillsync
