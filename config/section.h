// Fills a section's struct from its table of keys: types, ranges, checks and unknown keys, all mistakes at
// once.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "config/keys.h"
#include "config/mistakes.h"
#include "config/suggestion.h"
#include "config/toml_tree.h"

namespace tillsync::config {

/// Reads one value into its member; returns "" or what is wrong, worded to follow the key's name. Defined in
/// section.cpp.
std::string read_value(const Node& node, std::string& out, double min, double max, TextCheck check);
std::string read_value(const Node& node, std::int64_t& out, double min, double max, TextCheck check);
std::string read_value(const Node& node, double& out, double min, double max, TextCheck check);
std::string read_value(const Node& node, bool& out, double min, double max, TextCheck check);
std::string read_value(const Node& node, std::chrono::milliseconds& out, double min, double max,
                       TextCheck check);
std::string read_value(const Node& node, SecretReference& out, double min, double max, TextCheck check);
std::string read_value(const Node& node, std::chrono::minutes& out, double min, double max, TextCheck check);

/// A key that may be left out without a default.
template <class T>
std::string read_value(const Node& node, std::optional<T>& out, double min, double max, TextCheck check) {
  T value{};
  std::string wrong = read_value(node, value, min, max, check);
  if (wrong.empty()) out = value;
  return wrong;
}

template <class S>
std::string read_member(const Node& node, const Key<S>& key, S& out) {
  return std::visit(
      [&](auto member) {
        if constexpr (std::is_same_v<decltype(member), TimeOfDay<S>>) {
          return read_value(node, out.*(member.member), key.min, key.max, key.check);
        } else {
          return read_value(node, out.*member, key.min, key.max, key.check);
        }
      },
      key.member);
}

/// Reads a whole section. `where` names it in messages, e.g. "[store]"; members named in `subtables` are left
/// alone.
template <class S>
void read_section(const Node& table, const std::string& where, const std::vector<Key<S>>& keys, S& out,
                  Mistakes& mistakes, const std::vector<std::string>& subtables = {}) {
  if (table.kind != Node::Kind::kTable) {
    mistakes.add(table.line, where + " must be a table, not " + std::string(table.kind_name()));
    return;
  }
  for (const auto& [name, node] : table.members) {
    if (std::find(subtables.begin(), subtables.end(), name) != subtables.end()) continue;
    const auto key =
        std::find_if(keys.begin(), keys.end(), [&n = name](const Key<S>& k) { return k.name == n; });
    if (key == keys.end()) {
      std::vector<std::string> known = names_of(keys);
      known.insert(known.end(), subtables.begin(), subtables.end());
      mistakes.add(node.line,
                   "unknown key \"" + name + "\" in " + where +
                       (nearest_word(name, known).empty() ? "; take it out" : did_you_mean(name, known)));
      continue;
    }
    const std::string wrong = read_member(node, *key, out);
    if (!wrong.empty()) mistakes.add(node.line, where + " " + name + " " + wrong);
  }
}

}  // namespace tillsync::config
