#include "config/toml_tree.h"

#include <algorithm>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace tillsync::config {
namespace {

Node convert(const toml::node& from, std::int64_t line);

Node convert_table(const toml::table& table, Node node) {
  node.kind = Node::Kind::kTable;
  for (const auto& [key, value] : table) {
    node.members.emplace_back(std::string(key.str()), convert(value, key.source().begin.line));
  }
  // toml++ sorts by name; people read mistakes in the order of their file.
  std::stable_sort(node.members.begin(), node.members.end(),
                   [](const auto& a, const auto& b) { return a.second.line < b.second.line; });
  return node;
}

Node convert_array(const toml::array& array, Node node) {
  node.kind = Node::Kind::kArray;
  for (const toml::node& item : array) node.items.push_back(convert(item, item.source().begin.line));
  return node;
}

Node convert(const toml::node& from, std::int64_t line) {
  Node node;
  node.line = line;
  if (const auto* table = from.as_table()) return convert_table(*table, std::move(node));
  if (const auto* array = from.as_array()) return convert_array(*array, std::move(node));
  if (const auto* text = from.as_string()) {
    node.kind = Node::Kind::kString;
    node.text = text->get();
  } else if (const auto* integer = from.as_integer()) {
    node.kind = Node::Kind::kInteger;
    node.integer = integer->get();
  } else if (const auto* number = from.as_floating_point()) {
    node.kind = Node::Kind::kFloat;
    node.number = number->get();
  } else if (const auto* flag = from.as_boolean()) {
    node.kind = Node::Kind::kBoolean;
    node.flag = flag->get();
  } else {
    node.kind = Node::Kind::kDateTime;
  }
  return node;
}

}  // namespace

Node::Node() = default;
Node::Node(const Node&) = default;
Node::Node(Node&&) noexcept = default;
Node& Node::operator=(const Node&) = default;
Node& Node::operator=(Node&&) noexcept = default;
Node::~Node() = default;

const Node* Node::find(std::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string_view Node::kind_name() const {
  switch (kind) {
    case Kind::kString:
      return "a string";
    case Kind::kInteger:
      return "an integer";
    case Kind::kFloat:
      return "a decimal number";
    case Kind::kBoolean:
      return "true or false";
    case Kind::kDateTime:
      return "a date or time";
    case Kind::kTable:
      return "a table";
    case Kind::kArray:
      return "an array";
  }
  return "something else";
}

std::variant<Node, SyntaxMistake> parse_toml(std::string_view text) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return SyntaxMistake{error.source().begin.line, std::string(error.description())};
  }
  return convert(parsed.table(), 0);
}

}  // namespace tillsync::config
