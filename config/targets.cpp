#include "config/targets.h"

#include "config/file_targets.h"
#include "config/section.h"
#include "platform/json/json.h"

namespace tillsync::config {
namespace {

/// Which keys a kind of authentication needs, and which it knows beside `kind`.
struct AuthKind {
  std::string_view kind;
  std::vector<std::string_view> needed;
  std::vector<std::string_view> known;
};

const std::vector<AuthKind>& auth_kinds() {
  static const std::vector<AuthKind> kinds = {
      {"bearer", {}, {}},
      {"basic", {"user", "password"}, {"user", "password"}},
      {"api_key", {"key"}, {"key", "header"}},
      {"oauth2",
       {"token_url", "client_id"},
       {"token_url", "client_id", "client_secret", "private_key", "algorithm", "key_id", "audience",
        "scope"}},
      {"oauth2_jwt",
       {"token_url", "client_id", "subject", "private_key"},
       {"token_url", "client_id", "subject", "private_key", "algorithm", "key_id", "audience", "scope"}},
      {"session", {"user", "password"}, {"user", "password"}},
      {"ssh_key", {"user", "key_file"}, {"user", "key_file", "passphrase"}},
  };
  return kinds;
}

bool holds(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_blank(const Node* node) {
  return node == nullptr || (node->kind == Node::Kind::kString && node->text.empty());
}

void check_plain_http(const std::string& where, std::string_view key, const Node* node,
                      const std::string& url, bool allowed, Mistakes& mistakes) {
  const Url parts = parse_url(url);
  if (node == nullptr || !parts.fault.empty() || parts.encrypted || allowed || is_loopback(parts.host))
    return;
  mistakes.add(node->line, where + " " + std::string(key) +
                               " is plain http to another machine, readable on the way; " +
                               "use https://, or set allow_plain_http = true where the network is trusted");
}

/// OAuth 2.0 by a client's secret or its key: one of them, and nothing that only the other has.
void check_client(const Node& auth, const std::string& where, Mistakes& mistakes) {
  const Node* secret = auth.find("client_secret");
  const Node* key = auth.find("private_key");
  if (is_blank(secret) && is_blank(key)) {
    mistakes.add((secret != nullptr ? secret : &auth)->line,
                 where + " client_secret is missing; kind \"oauth2\" needs it, or a private_key");
  } else if (!is_blank(secret) && !is_blank(key)) {
    mistakes.add(key->line, where + " has both client_secret and private_key; take one of them out");
  }
  if (!is_blank(key)) return;
  for (const std::string_view of_key : {"algorithm", "key_id", "audience"}) {
    if (const Node* node = auth.find(of_key))
      mistakes.add(node->line,
                   where + " " + std::string(of_key) +
                       " has no meaning without a private_key; take it out, or write private_key");
  }
}

void read_auth(const Node& table, const Node* auth, const std::string& name, TargetSettings& target,
               Mistakes& mistakes) {
  if (auth == nullptr) return;
  const std::string where = "[targets." + name + ".auth]";
  read_section(*auth, where, auth_keys(), target.auth, mistakes);
  if (auth->kind != Node::Kind::kTable) return;
  const std::string& chosen = target.auth.kind;  // the default where `kind` itself is a mistake
  if (const Node* kind = auth->find("kind"); kind != nullptr && kind->text != chosen) return;
  const auto kind = std::find_if(auth_kinds().begin(), auth_kinds().end(),
                                 [&](const AuthKind& k) { return k.kind == chosen; });
  for (const std::string_view needed : kind->needed) {
    const Node* node = auth->find(needed);
    if (!is_blank(node)) continue;
    mistakes.add(node == nullptr ? auth->line : node->line,
                 where + " " + std::string(needed) + " is missing; kind \"" + chosen + "\" needs it");
  }
  for (const auto& [key, node] : auth->members) {
    const std::vector<std::string> all = names_of(auth_keys());
    if (key == "kind" || holds(kind->known, key) || std::find(all.begin(), all.end(), key) == all.end())
      continue;
    mistakes.add(node.line, where + " " + key + " has no meaning for kind \"" + chosen +
                                "\"; take it out or change kind");
  }
  if (chosen == "oauth2") check_client(*auth, where, mistakes);
  const Node* token = table.find("token");
  if (chosen != "bearer" && !is_blank(token)) {
    mistakes.add(token->line, "[targets." + name + "] token is for kind \"bearer\" alone, and " + where +
                                  " says \"" + chosen + "\"; take one of them out");
  }
  check_plain_http(where, "token_url", auth->find("token_url"), target.auth.token_url,
                   target.allow_plain_http, mistakes);
}

/// As JSON; null for what JSON has not (a date).
json::Value json_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kString:
      return node.text;
    case Node::Kind::kInteger:
      return node.integer;
    case Node::Kind::kBoolean:
      return node.flag;
    case Node::Kind::kArray: {
      json::Array items;
      for (const Node& item : node.items) items.push_back(json_of(item));
      return items;
    }
    case Node::Kind::kTable: {
      json::Object members;
      for (const auto& [name, member] : node.members) members.emplace_back(name, json_of(member));
      return members;
    }
    case Node::Kind::kFloat:
    case Node::Kind::kDateTime:
      break;
  }
  return {};
}

void refuse_inexact(const Node& node, const std::string& where, Mistakes& mistakes) {
  if (node.kind == Node::Kind::kFloat || node.kind == Node::Kind::kDateTime) {
    mistakes.add(node.line, where + " must not hold " + std::string(node.kind_name()) +
                                "; write it as a string, e.g. \"2.50\"");
  }
  for (const Node& item : node.items) refuse_inexact(item, where, mistakes);
  for (const auto& [name, member] : node.members) refuse_inexact(member, where, mistakes);
}

void read_parameters(const Node* parameters, const std::string& name, TargetSettings& target,
                     Mistakes& mistakes) {
  if (parameters == nullptr) return;
  const std::string where = "[targets." + name + ".parameters]";
  if (parameters->kind != Node::Kind::kTable) {
    mistakes.add(parameters->line, where + " must be a table, not " + std::string(parameters->kind_name()));
    return;
  }
  refuse_inexact(*parameters, where, mistakes);
  target.parameters = json::dump(json_of(*parameters));
  target.parameters_line = parameters->line;
}

void read_target(const Node& table, const std::string& name, TargetSettings& target, Mistakes& mistakes) {
  const std::string where = "[targets." + name + "]";
  read_section(table, where, target_keys(), target, mistakes, {"auth", "file", "parameters"});
  target.line = table.line;
  target.concurrency_is_set = table.kind == Node::Kind::kTable && table.find("concurrency") != nullptr;
  if (table.kind != Node::Kind::kTable) return;
  const Node* url = table.find("base_url");
  if (url == nullptr) {
    mistakes.add(table.line, where +
                                 " base_url is missing; write where the target is reached, e.g. base_url = "
                                 "\"https://erp.example.com/tillsync\"");
  }
  check_plain_http(where, "base_url", url, target.base_url, target.allow_plain_http, mistakes);
  if (target.backoff_min > target.backoff_max) {
    const Node* min = table.find("backoff_min_s");
    const Node* max = table.find("backoff_max_s");
    mistakes.add(
        (min != nullptr ? min : max)->line,
        where + " backoff_min_s is more than backoff_max_s; raise backoff_max_s or lower backoff_min_s");
  }
  read_auth(table, table.find("auth"), name, target, mistakes);
  read_parameters(table.find("parameters"), name, target, mistakes);
  read_file_target(table, name, target, mistakes);
}

}  // namespace

void read_targets(const Node& table, Settings& settings, Mistakes& mistakes) {
  if (table.kind != Node::Kind::kTable) {
    mistakes.add(table.line, "targets must be tables [targets.NAME], not " + std::string(table.kind_name()));
    return;
  }
  if (table.members.size() > kTargetsMax) {
    mistakes.add(table.line, "there are more than 64 targets; take some out");
    return;
  }
  for (const auto& [name, node] : table.members) {
    if (!is_name(name)) {
      mistakes.add(node.line, "target name \"" + name + "\" must be 1 to 32 of the letters a-z 0-9 _ -");
    }
    read_target(node, name, settings.targets[name], mistakes);
  }
}

}  // namespace tillsync::config
