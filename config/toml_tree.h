// A parsed settings file as plain nodes with line numbers. toml++ stays behind this seam.
// Plain values; no thread rule.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tillsync::config {

struct Node {
  enum class Kind { kString, kInteger, kFloat, kBoolean, kDateTime, kTable, kArray };

  // In the .cpp: with C++20's constexpr vector, Clang 14 would want the members' type whole within itself.
  Node();
  Node(const Node&);
  Node(Node&&) noexcept;
  Node& operator=(const Node&);
  Node& operator=(Node&&) noexcept;
  ~Node();

  Kind kind = Kind::kTable;
  std::int64_t line = 0;  ///< from 1, where the key stands
  std::string text;       ///< kString
  std::int64_t integer = 0;
  double number = 0;  ///< kFloat
  bool flag = false;
  std::vector<std::pair<std::string, Node>> members;  ///< kTable, in the order of the file
  std::vector<Node> items;                            ///< kArray

  const Node* find(std::string_view name) const;
  /// "a string", "an integer", ... for messages.
  std::string_view kind_name() const;
};

/// Where TOML itself is broken.
struct SyntaxMistake {
  std::int64_t line = 0;
  std::string detail;
};

/// Parses TOML 1.0. Never throws; a syntax mistake ends the reading, so there is at most one.
std::variant<Node, SyntaxMistake> parse_toml(std::string_view text);

}  // namespace tillsync::config
