// Builds, from a target's settings, what speaks to it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/connectors/credentials.h"
#include "agent/connectors/file/file_target.h"
#include "agent/connectors/mapped/asker.h"
#include "agent/connectors/mapped/mapping.h"
#include "agent/connectors/metered_fetch.h"
#include "config/settings.h"
#include "outbox/delivery/target_port.h"
#include "platform/base/time.h"
#include "platform/http/client.h"
#include "reconcile/central_facts/fetch_port.h"
#include "reconcile/central_view/read_back_port.h"

namespace tillsync {

/// The built-in connector that writes files (file/file_target.h).
inline constexpr std::string_view kFileConnector = "file";

/// A target's connector file, loaded, with the parameters that the target gives it.
struct TargetConnector {
  std::shared_ptr<const Connector> connector;  ///< null for the built-in `rest` and `file`
  json::Value parameters;
};
/// Reads the connector file of a target and holds its settings against it. Every mistake, those of the file
/// with its lines, those of the settings with `settings_file` and theirs.
struct CheckedTarget {
  TargetConnector target;
  std::vector<SettingsMistake> mistakes;
};
CheckedTarget check_target(const std::string& name, const TargetSettings& settings,
                           const std::string& settings_file);

/// For the delivery thread. `client` and `clock` outlive the port. `name` is the target's, for messages;
/// `mapping` posts to the delivery thread, and `files` is for targets that take files. kInvalid with the
/// cure: unusable connector, base_url or auth.
Result<std::unique_ptr<TargetPort>> make_target_port(const std::string& name, const TargetSettings& settings,
                                                     const std::string& store, http::Transport& client,
                                                     const Clock& clock,
                                                     Credentials::ReadSecret read = read_secret,
                                                     const std::optional<Mapping>& mapping = {},
                                                     const std::optional<file::FileHost>& files = {});
/// The same for a connector file that is loaded already.
Result<std::unique_ptr<TargetPort>> make_mapped_port(const std::string& name, const TargetSettings& settings,
                                                     const std::string& store,
                                                     const std::shared_ptr<const Connector>& connector,
                                                     const json::Value& parameters, http::Transport& client,
                                                     const Clock& clock, const Mapping& mapping,
                                                     Credentials::ReadSecret read);

/// For the reconcile thread; it brings its own HTTP client. `clock` and `mapper` outlive the port; a mapper
/// is needed for a connector of a file. Null where a target that takes files cannot be asked what it has.
/// `given_up`, where set, is asked several times a second whether a request is waited for any longer. Errors
/// as above.
Result<std::unique_ptr<ReadBackPort>> make_read_back(const std::string& name, const TargetSettings& settings,
                                                     const std::string& store, const Clock& clock,
                                                     Credentials::ReadSecret read = read_secret,
                                                     jq::Mapper* mapper = nullptr,
                                                     std::function<bool()> given_up = {});
Result<std::unique_ptr<ReadBackPort>> make_mapped_read_back(
    const std::string& name, const TargetSettings& settings, const std::string& store,
    const std::shared_ptr<const Connector>& connector, const json::Value& parameters, const Clock& clock,
    jq::Mapper& mapper, Credentials::ReadSecret read, std::function<bool()> given_up = {});

/// For one thread: asks what central knows. As make_read_back(); null for targets that take files. Within
/// `allowances`, which outlive the port; null: without a limit.
Result<std::unique_ptr<FetchPort>> make_fetch(const std::string& name, const TargetSettings& settings,
                                              const std::string& store, const Clock& clock,
                                              Credentials::ReadSecret read = read_secret,
                                              jq::Mapper* mapper = nullptr,
                                              FetchAllowances* allowances = nullptr,
                                              std::function<bool()> given_up = {});

/// For who asks a target one thing at a time. `inbox` is of the client behind `transport`, and both, `clock`
/// and `mapper` outlive what is made; `given_up` as Asker has it. Errors as above.
Result<Asker> make_asker(const std::string& name, const TargetSettings& settings,
                         const std::shared_ptr<const Connector>& connector, const json::Value& parameters,
                         http::Transport& transport, const std::shared_ptr<EventInbox>& inbox,
                         const Clock& clock, jq::Mapper& mapper, Credentials::ReadSecret read,
                         std::function<bool()> given_up = {});

}  // namespace tillsync
