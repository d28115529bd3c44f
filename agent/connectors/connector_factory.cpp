#include "agent/connectors/connector_factory.h"

#include "agent/connectors/mapped/connector_engine.h"
#include "agent/connectors/mapped/mapped_fetch_port.h"
#include "agent/connectors/mapped/mapped_read_back.h"
#include "agent/connectors/mapped/session_credentials.h"
#include "agent/connectors/pace_limits.h"
#include "agent/connectors/rest_connector.h"
#include "agent/connectors/rest_fetch.h"
#include "agent/connectors/rest_read_back.h"

namespace tillsync {
namespace {

Error of_target(const std::string& name, const Error& error) {
  return {error.kind, error.code, "targets." + name + ": " + error.detail};
}

Error no_mapper(const std::string& name) {
  return {ErrorKind::kInternal, "connector",
          "targets." + name + ": a connector file needs jq, and there is none"};
}

Error no_host_for_files(const std::string& name) {
  return {ErrorKind::kInternal, "connector", "targets." + name + ": there is nowhere to keep its ledger"};
}

/// The file's, loaded; or its first mistake.
Result<TargetConnector> connector_of(const std::string& name, const TargetSettings& settings) {
  CheckedTarget checked = check_target(name, settings, "");
  if (!checked.mistakes.empty())
    return Error{ErrorKind::kInvalid, "connector", checked.mistakes.front().detail};
  return std::move(checked.target);
}

Result<std::shared_ptr<Credentials>> credentials_of(const TargetSettings& settings,
                                                    const std::shared_ptr<const Connector>& connector,
                                                    const json::Value& parameters, http::Transport& client,
                                                    const Clock& clock, const Mapping& mapping,
                                                    Credentials::ReadSecret read) {
  if (!connector->session) return make_credentials(settings, client, clock, std::move(read));
  return std::shared_ptr<Credentials>(std::make_shared<SessionCredentials>(
      SessionCredentials::Parts{connector, parameters, settings, client, clock, mapping, std::move(read)}));
}

}  // namespace

CheckedTarget check_target(const std::string& name, const TargetSettings& settings,
                           const std::string& settings_file) {
  CheckedTarget checked;
  if (settings.connector_file.empty()) {
    if (settings.connector == kFileConnector)
      return checked;  // config/file_targets.h has held it to its rules
    if (settings.connector != "rest") {
      checked.mistakes.push_back({settings_file, settings.line,
                                  "[targets." + name + "] there is no connector \"" + settings.connector +
                                      "\"; use connector = \"rest\" or \"file\", or name a connector file"});
    }
    if (!settings.parameters.empty()) {
      checked.mistakes.push_back({settings_file, settings.parameters_line,
                                  "[targets." + name + ".parameters] has no meaning for connector \"" +
                                      settings.connector + "\"; take it out"});
    }
    if (settings.auth.kind == "session") {
      checked.mistakes.push_back({settings_file, settings.line,
                                  "[targets." + name +
                                      ".auth] kind \"session\" is for connector files that sign in; "
                                      "use bearer, basic, api_key, oauth2 or oauth2_jwt"});
    }
    return checked;
  }
  LoadedConnector loaded = load_connector(settings.connector_file);
  checked.mistakes = std::move(loaded.mistakes);
  if (!checked.mistakes.empty()) return checked;
  const auto wrong = [&](std::int64_t line, const std::string& detail) {
    checked.mistakes.push_back({settings_file, line, detail});
  };
  const auto given = settings.parameters.empty() ? Result<json::Value>(json::Value(json::Object{}))
                                                 : json::parse(settings.parameters, {.depth_max = 64});
  FilledParameters filled = fill_parameters(loaded.connector, given ? *given : json::Value(json::Object{}));
  for (const std::string& mistake : filled.mistakes) {
    wrong(settings.parameters_line > 0 ? settings.parameters_line : settings.line,
          "[targets." + name + ".parameters] " + mistake);
  }
  const std::string where = "[targets." + name + "] ";
  const Connector& connector = loaded.connector;
  const std::int64_t batch_max = connector.batch_max();
  if (settings.batch_max > batch_max) {
    wrong(settings.line, where + "batch_max is " + std::to_string(settings.batch_max) + ", and connector " +
                             connector.name + " takes " + std::to_string(batch_max) +
                             " in a request; lower it");
  }
  if (settings.concurrency_is_set && settings.concurrency > connector.concurrency_max) {
    wrong(settings.line, where + "concurrency is " + std::to_string(settings.concurrency) +
                             ", and connector " + connector.name + " bears " +
                             std::to_string(connector.concurrency_max) + "; lower it");
  }
  if (connector.session.has_value() != (settings.auth.kind == "session")) {
    wrong(settings.line,
          connector.session
              ? where + "connector " + connector.name + " signs in; write [targets." + name +
                    ".auth] kind = \"session\" with user and password"
              : where + "auth kind \"session\" has no meaning for connector " + connector.name +
                    ", which does not sign in; use bearer, basic, api_key, oauth2 or oauth2_jwt");
  }
  checked.target = {std::make_shared<const Connector>(std::move(loaded.connector)), std::move(filled.values)};
  return checked;
}

Result<std::unique_ptr<TargetPort>> make_target_port(const std::string& name, const TargetSettings& settings,
                                                     const std::string& store, http::Transport& client,
                                                     const Clock& clock, Credentials::ReadSecret read,
                                                     const std::optional<Mapping>& mapping,
                                                     const std::optional<file::FileHost>& files) {
  if (settings.connector == kFileConnector) {
    if (!files) return no_host_for_files(name);
    auto port = file::make_file_port(name, settings, store, *files, std::move(read));
    if (!port) return of_target(name, port.error());
    return port;
  }
  auto target = connector_of(name, settings);
  if (!target) return of_target(name, target.error());
  if (target->connector) {
    if (!mapping) return no_mapper(name);
    return make_mapped_port(name, settings, store, target->connector, target->parameters, client, clock,
                            *mapping, std::move(read));
  }
  auto profile = CentralProfile::from(settings, store);
  if (!profile) return of_target(name, profile.error());
  auto credentials = make_credentials(settings, client, clock, std::move(read));
  if (!credentials) return of_target(name, credentials.error());
  return std::unique_ptr<TargetPort>(std::make_unique<RestConnector>(
      std::move(*profile), CentralSession(std::move(*credentials), client), pace_limits(settings, nullptr)));
}

Result<std::unique_ptr<TargetPort>> make_mapped_port(const std::string& name, const TargetSettings& settings,
                                                     const std::string& store,
                                                     const std::shared_ptr<const Connector>& connector,
                                                     const json::Value& parameters, http::Transport& client,
                                                     const Clock& clock, const Mapping& mapping,
                                                     Credentials::ReadSecret read) {
  auto credentials = credentials_of(settings, connector, parameters, client, clock, mapping, std::move(read));
  if (!credentials) return of_target(name, credentials.error());
  return std::unique_ptr<TargetPort>(std::make_unique<ConnectorEngine>(ConnectorEngine::Parts{
      connector, parameters, store, settings, std::move(*credentials), client, mapping}));
}

Result<std::unique_ptr<ReadBackPort>> make_read_back(const std::string& name, const TargetSettings& settings,
                                                     const std::string& store, const Clock& clock,
                                                     Credentials::ReadSecret read, jq::Mapper* mapper,
                                                     std::function<bool()> given_up) {
  if (settings.connector == kFileConnector) return std::unique_ptr<ReadBackPort>();
  auto target = connector_of(name, settings);
  if (!target) return of_target(name, target.error());
  if (target->connector) {
    if (mapper == nullptr) return no_mapper(name);
    return make_mapped_read_back(name, settings, store, target->connector, target->parameters, clock, *mapper,
                                 std::move(read), std::move(given_up));
  }
  auto profile = CentralProfile::from(settings, store);
  if (!profile) return of_target(name, profile.error());
  auto client = http::Client::open(1);
  if (!client) return of_target(name, client.error());
  auto credentials = make_credentials(settings, **client, clock, std::move(read));
  if (!credentials) return of_target(name, credentials.error());
  return std::unique_ptr<ReadBackPort>(std::make_unique<RestReadBack>(
      name, std::move(*profile), std::move(*client), std::move(*credentials), std::move(given_up)));
}

Result<std::unique_ptr<ReadBackPort>> make_mapped_read_back(
    const std::string& name, const TargetSettings& settings, const std::string& store,
    const std::shared_ptr<const Connector>& connector, const json::Value& parameters, const Clock& clock,
    jq::Mapper& mapper, Credentials::ReadSecret read, std::function<bool()> given_up) {
  auto client = http::Client::open(1);
  if (!client) return of_target(name, client.error());
  const auto inbox = std::make_shared<EventInbox>(**client);
  auto asker = make_asker(name, settings, connector, parameters, **client, inbox, clock, mapper,
                          std::move(read), std::move(given_up));
  if (!asker) return asker.error();
  return std::unique_ptr<ReadBackPort>(std::make_unique<MappedReadBack>(
      MappedReadBack::Parts{name, connector, parameters, store, std::move(*client), std::move(*asker)}));
}

namespace {

std::unique_ptr<FetchPort> metered(std::unique_ptr<FetchPort> port, const std::string& name,
                                   const PaceLimits& limits, FetchAllowances* allowances) {
  if (allowances == nullptr) return port;
  auto allowance = allowances->of(name, limits);
  if (!allowance->limits()) return port;
  return std::make_unique<MeteredFetch>(std::move(port), std::move(allowance));
}

}  // namespace

Result<std::unique_ptr<FetchPort>> make_fetch(const std::string& name, const TargetSettings& settings,
                                              const std::string& store, const Clock& clock,
                                              Credentials::ReadSecret read, jq::Mapper* mapper,
                                              FetchAllowances* allowances, std::function<bool()> given_up) {
  if (settings.connector == kFileConnector) return std::unique_ptr<FetchPort>();
  auto target = connector_of(name, settings);
  if (!target) return of_target(name, target.error());
  auto client = http::Client::open(1);
  if (!client) return of_target(name, client.error());
  const auto limits = pace_limits(settings, target->connector.get());
  if (target->connector) {
    if (mapper == nullptr) return no_mapper(name);
    const auto inbox = std::make_shared<EventInbox>(**client);
    auto asker = make_asker(name, settings, target->connector, target->parameters, **client, inbox, clock,
                            *mapper, std::move(read), std::move(given_up));
    if (!asker) return asker.error();
    MappedFetch fetch({name, target->connector, target->parameters, store, std::move(*asker)});
    return metered(
        std::make_unique<MappedFetchPort>(std::move(*client), std::move(fetch), target->connector, store),
        name, limits, allowances);
  }
  auto profile = CentralProfile::from(settings, store);
  if (!profile) return of_target(name, profile.error());
  auto credentials = make_credentials(settings, **client, clock, std::move(read));
  if (!credentials) return of_target(name, credentials.error());
  return metered(std::make_unique<RestFetch>(name, std::move(*profile), std::move(*client),
                                             std::move(*credentials), std::move(given_up)),
                 name, limits, allowances);
}

Result<Asker> make_asker(const std::string& name, const TargetSettings& settings,
                         const std::shared_ptr<const Connector>& connector, const json::Value& parameters,
                         http::Transport& transport, const std::shared_ptr<EventInbox>& inbox,
                         const Clock& clock, jq::Mapper& mapper, Credentials::ReadSecret read,
                         std::function<bool()> given_up) {
  const Mapping mapping(mapper, [inbox](std::function<void()> event) { inbox->post(std::move(event)); });
  auto credentials =
      credentials_of(settings, connector, parameters, transport, clock, mapping, std::move(read));
  if (!credentials) return of_target(name, credentials.error());
  return Asker(inbox, Requester(connector, settings, std::move(*credentials), transport, mapping),
               std::move(given_up));
}

}  // namespace tillsync
