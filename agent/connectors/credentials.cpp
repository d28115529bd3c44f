#include "agent/connectors/credentials.h"

#include "agent/connectors/oauth2.h"
#include "agent/connectors/secret_cache.h"

namespace tillsync {
namespace {

/// A secret that goes into every request as it is, or no secret at all.
class FixedCredentials final : public Credentials {
 public:
  using Shape =
      std::function<void(Authorization&, const std::string& secret)>;  ///< puts it where the kind wants it

  FixedCredentials(SecretReference reference, ReadSecret read, Shape shape)
      : secret_(std::move(reference), std::move(read)), shape_(std::move(shape)) {}

  void obtain(std::function<void(Obtained)> then) override {
    auto secret = secret_.get();
    if (!secret) return then(secret_.outcome_of(secret.error()));
    if (made_.generation != secret_.generation()) make(*secret);
    then(made_);
  }
  void refused(std::uint64_t generation) override {
    if (generation == secret_.generation()) secret_.drop();
  }

 private:
  void make(const std::string& secret) {
    made_ = {};
    made_.generation = secret_.generation();
    shape_(made_, secret);
    // As RFC 7617 writes both, too.
    std::vector<std::string> secrets = {secret};
    add_words(secrets, secret);
    if (!made_.user.empty()) secrets.push_back(made_.user + ":" + secret);
    made_.blot = std::make_shared<const Blot>(secrets);
  }

  SecretCache secret_;
  const Shape shape_;
  Authorization made_;  ///< of the last reading; without one it is of generation 0, and empty
};

Error missing(std::string_view kind, std::string_view key) {
  return {ErrorKind::kInvalid, "auth",
          "auth kind \"" + std::string(kind) + "\" needs `" + std::string(key) + "`"};
}

Result<std::shared_ptr<Credentials>> fixed(const SecretReference& reference, Credentials::ReadSecret read,
                                           FixedCredentials::Shape shape) {
  return std::shared_ptr<Credentials>(
      std::make_shared<FixedCredentials>(reference, std::move(read), std::move(shape)));
}

}  // namespace

void Authorization::apply(http::Request& request) const {
  request.headers.insert(request.headers.end(), headers.begin(), headers.end());
  request.user = user;
  request.password = password;
}

Result<std::shared_ptr<Credentials>> make_credentials(const TargetSettings& settings, http::Transport& client,
                                                      const Clock& clock,
                                                      Credentials::ReadSecret read_secret) {
  const AuthSettings& auth = settings.auth;
  if (auth.kind == "bearer") {
    return fixed(settings.token, std::move(read_secret),
                 [](Authorization& authorization, const std::string& secret) {
                   authorization.headers.emplace_back("Authorization", "Bearer " + secret);
                 });
  }
  if (auth.kind == "basic") {
    if (auth.user.empty()) return missing(auth.kind, "user");
    if (auth.password.empty()) return missing(auth.kind, "password");
    return fixed(auth.password, std::move(read_secret),
                 [user = auth.user](Authorization& authorization, const std::string& secret) {
                   authorization.user = user;
                   authorization.password = secret;
                 });
  }
  if (auth.kind == "api_key") {
    if (auth.header.empty()) return missing(auth.kind, "header");
    if (auth.key.empty()) return missing(auth.kind, "key");
    return fixed(auth.key, std::move(read_secret),
                 [header = auth.header](Authorization& authorization, const std::string& secret) {
                   authorization.headers.emplace_back(header, secret);
                 });
  }
  if (auth.kind == "oauth2" || auth.kind == "oauth2_jwt") {
    const bool by_key = auth.kind == "oauth2_jwt";
    if (auth.token_url.empty()) return missing(auth.kind, "token_url");
    if (auth.client_id.empty()) return missing(auth.kind, "client_id");
    if (by_key && auth.subject.empty()) return missing(auth.kind, "subject");
    if (by_key && auth.private_key.empty()) return missing(auth.kind, "private_key");
    if (auth.client_secret.empty() && auth.private_key.empty()) return missing(auth.kind, "client_secret");
    return std::shared_ptr<Credentials>(
        std::make_shared<OAuth2Credentials>(settings, client, clock, std::move(read_secret)));
  }
  return Error{
      ErrorKind::kInvalid, "auth",
      "auth kind \"" + auth.kind + "\" is unknown; there are bearer, basic, api_key, oauth2 and oauth2_jwt"};
}

}  // namespace tillsync
