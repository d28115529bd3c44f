#include "config/listeners.h"

#include <algorithm>

#include "config/checks.h"

namespace tillsync::config {
namespace {

constexpr std::size_t kNameBytesMax = 256;

std::int64_t line_of(const Node& root, std::string_view section, std::string_view key) {
  const Node* table = root.find(section);
  const Node* node = table == nullptr ? nullptr : table->find(key);
  return node != nullptr ? node->line : table != nullptr ? table->line : 0;
}

void check_tls(const Node& root, const std::string& section, const std::string& address,
               const TlsSettings& tls, Mistakes& mistakes) {
  const std::string where = "[" + section + "] ";
  if (tls.tls() && tls.tls_key.empty()) {
    mistakes.add(line_of(root, section, "tls_certificate"),
                 where +
                     "tls_certificate has no tls_key; write where its private key is kept, e.g. tls_key = "
                     "\"file:" +
                     section + ".key\"");
  }
  if (!tls.tls() && !tls.tls_key.empty()) {
    mistakes.add(line_of(root, section, "tls_key"),
                 where + "tls_key has no tls_certificate; name the PEM file of its certificate");
  }
  if (address.empty() || tls.tls() || is_loopback(listen_host(address))) return;
  mistakes.add(line_of(root, section, "tcp"),
               where +
                   "tcp is not an address of this machine alone, and others reach it only by TLS and with "
                   "tokens: write tls_certificate and tls_key, or use 127.0.0.1");
}

}  // namespace

void read_client_certificates(const Node& table, OpsSettings& ops, Mistakes& mistakes) {
  const std::string where = "[ops.client_certificates]";
  if (table.kind != Node::Kind::kTable) {
    mistakes.add(table.line, where + " must be a table, not " + std::string(table.kind_name()));
    return;
  }
  if (table.members.size() > kClientCertificatesMax) {
    mistakes.add(table.line, where + " has more than 256 names; take some out");
    return;
  }
  for (const auto& [name, node] : table.members) {
    if (name.empty() || name.size() > kNameBytesMax)
      mistakes.add(node.line, where + " has a name that is not 1 to 256 bytes long");
    if (node.kind != Node::Kind::kString || (node.text != "read" && node.text != "operate")) {
      mistakes.add(node.line, where + " \"" + name + "\" must be \"read\" or \"operate\"");
    }
    ops.client_certificates[name] = node.text;
  }
}

void check_listeners(const Node& root, const Settings& settings, Mistakes& mistakes) {
  const TillSettings& till = settings.till;
  const OpsSettings& ops = settings.ops;
  if (till.unix_socket.size() > kSocketPathBytesMax) {
    mistakes.add(line_of(root, "till", "unix_socket"),
                 "[till] unix_socket is longer than the 107 bytes that a socket's path may have; use a "
                 "shorter path");
  }
  if (till.unix_socket.empty() && till.tcp.empty()) {
    mistakes.add(std::max(line_of(root, "till", "tcp"), line_of(root, "till", "unix_socket")),
                 "[till] unix_socket and tcp are both \"\", so that no till could post; set one of them");
  }
  const bool any_port = till.tcp.size() > 2 && till.tcp.substr(till.tcp.size() - 2) == ":0";
  if (till.tcp == ops.tcp && !any_port) {
    mistakes.add(std::max(line_of(root, "till", "tcp"), line_of(root, "ops", "tcp")),
                 "[till] tcp and [ops] tcp are the same address; give each a port of its own");
  }
  check_tls(root, "till", till.tcp, till, mistakes);
  check_tls(root, "ops", ops.tcp, ops, mistakes);
  if (!ops.client_ca_file.empty() && !ops.tls()) {
    mistakes.add(line_of(root, "ops", "client_ca_file"),
                 "[ops] client_ca_file needs TLS; write tls_certificate and tls_key, or take it out");
  }
  if (!ops.client_certificates.empty() && ops.client_ca_file.empty()) {
    mistakes.add(line_of(root, "ops", "client_certificates"),
                 "[ops.client_certificates] needs [ops] client_ca_file, the PEM file of those who sign them");
  }
}

}  // namespace tillsync::config
