#include "agent/connectors/connector_factory.h"

#include "agent/connectors/rest_connector.h"
#include "agent/connectors/rest_read_back.h"

namespace tillsync {
namespace {

Error of_target(const std::string& name, const Error& error) {
  return {error.kind, error.code, "targets." + name + ": " + error.detail};
}

Result<CentralProfile> profile_of(const TargetSettings& settings, const std::string& store) {
  if (settings.connector != "rest") {
    return Error{ErrorKind::kInvalid, "connector",
                 "there is no connector \"" + settings.connector + "\"; use connector = \"rest\""};
  }
  return CentralProfile::from(settings, store);
}

}  // namespace

Result<std::unique_ptr<TargetPort>> make_target_port(const std::string& name, const TargetSettings& settings,
                                                     const std::string& store, http::Transport& client,
                                                     const Clock& clock, Credentials::ReadSecret read) {
  auto profile = profile_of(settings, store);
  if (!profile) return of_target(name, profile.error());
  auto credentials = make_credentials(settings, client, clock, std::move(read));
  if (!credentials) return of_target(name, credentials.error());
  return std::unique_ptr<TargetPort>(
      std::make_unique<RestConnector>(std::move(*profile), CentralSession(std::move(*credentials), client)));
}

Result<std::unique_ptr<ReadBackPort>> make_read_back(const std::string& name, const TargetSettings& settings,
                                                     const std::string& store, const Clock& clock,
                                                     Credentials::ReadSecret read) {
  auto profile = profile_of(settings, store);
  if (!profile) return of_target(name, profile.error());
  auto client = http::Client::open(1);
  if (!client) return of_target(name, client.error());
  auto credentials = make_credentials(settings, **client, clock, std::move(read));
  if (!credentials) return of_target(name, credentials.error());
  return std::unique_ptr<ReadBackPort>(
      std::make_unique<RestReadBack>(name, std::move(*profile), std::move(*client), std::move(*credentials)));
}

}  // namespace tillsync
