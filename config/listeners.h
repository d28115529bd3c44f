// Where tills and operators are listened to: [till] and [ops] beyond what each key's own check sees.
#pragma once

#include "config/mistakes.h"
#include "config/settings.h"
#include "config/toml_tree.h"

namespace tillsync::config {

/// Names in clients' certificates that may be given a role.
inline constexpr std::size_t kClientCertificatesMax = 256;

/// The table [ops.client_certificates]: NAME = "read" or "operate".
void read_client_certificates(const Node& table, OpsSettings& ops, Mistakes& mistakes);

/// What no key alone shows: addresses that need TLS and have none, half a pair of certificate and key, two
/// listeners on one address. `root` gives the lines.
void check_listeners(const Node& root, const Settings& settings, Mistakes& mistakes);

}  // namespace tillsync::config
