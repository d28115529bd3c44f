#include "agent/connectors/mapped/connector_parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "config/section.h"

namespace tillsync {
namespace connector_file {
namespace {

using config::Node;
using Kind = Parameter::Kind;

constexpr std::size_t kNameBytesMax = 32;
/// Of an object's or an array's default. What targets give is bounded by the settings.
constexpr std::size_t kDefaultDepthMax = 16;

/// A kind's name, what messages call it, and a value of it as TOML has it.
struct KindWords {
  Kind kind;
  std::string_view name;
  std::string_view called;
  std::string_view sample;
};
constexpr KindWords kKinds[] = {
    {Kind::kString, "string", "a string in quotes", "\"...\""},
    {Kind::kInteger, "integer", "a whole number without quotes", "1"},
    {Kind::kBoolean, "boolean", "true or false, without quotes", "true"},
    {Kind::kObject, "object", "a table", "{name = \"value\"}"},
    {Kind::kArray, "array", "an array", "[\"value\"]"},
};

const KindWords& words_of(Kind kind) {
  return *std::find_if(std::begin(kKinds), std::end(kKinds),
                       [kind](const KindWords& w) { return w.kind == kind; });
}

std::optional<Kind> kind_of(std::string_view name) {
  for (const KindWords& words : kKinds) {
    if (words.name == name) return words.kind;
  }
  return std::nullopt;
}

std::string check_kind(std::string_view value) {
  if (kind_of(value)) return {};
  std::string text = "must be one of ";
  for (const KindWords& words : kKinds)
    text += (&words == kKinds ? "\"" : ", \"") + std::string(words.name) + "\"";
  return text + ", not \"" + std::string(value) + "\"";
}

/// A name that programs can write as `.parameters.NAME`.
bool is_parameter_name(std::string_view name) {
  const auto may_stand = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && name.size() <= kNameBytesMax && !(name.front() >= '0' && name.front() <= '9') &&
         std::all_of(name.begin(), name.end(), may_stand);
}

/// A TOML value as JSON; a fault (worded to follow the key's name) where it cannot be one.
class ToJson {
 public:
  std::optional<json::Value> value(const Node& node, std::size_t depth = 0) {
    if (depth > kDefaultDepthMax) return wrong(node, "is nested more than 16 deep; make it flatter");
    switch (node.kind) {
      case Node::Kind::kString:
        return json::Value(node.text);
      case Node::Kind::kInteger:
        return json::Value(node.integer);
      case Node::Kind::kBoolean:
        return json::Value(node.flag);
      case Node::Kind::kFloat:
      case Node::Kind::kDateTime:  // as in the settings: no number goes through floating point (I6)
        return wrong(node,
                     "must not hold " + std::string(node.kind_name()) + "; write it as a string in quotes");
      case Node::Kind::kTable:
        return object(node, depth);
      case Node::Kind::kArray:
        return array(node, depth);
    }
    return std::nullopt;
  }
  const std::string& fault() const { return fault_; }
  std::int64_t line() const { return line_; }

 private:
  std::optional<json::Value> object(const Node& node, std::size_t depth) {
    json::Object members;
    for (const auto& [name, member] : node.members) {
      auto one = value(member, depth + 1);
      if (!one) return std::nullopt;
      members.emplace_back(name, std::move(*one));
    }
    return json::Value(std::move(members));
  }
  std::optional<json::Value> array(const Node& node, std::size_t depth) {
    json::Array items;
    for (const Node& item : node.items) {
      auto one = value(item, depth + 1);
      if (!one) return std::nullopt;
      items.push_back(std::move(*one));
    }
    return json::Value(std::move(items));
  }
  std::optional<json::Value> wrong(const Node& node, std::string fault) {
    fault_ = std::move(fault);
    line_ = node.line;
    return std::nullopt;
  }

  std::string fault_;
  std::int64_t line_ = 0;
};

bool is_of(const json::Value& value, Kind kind) {
  switch (kind) {
    case Kind::kString:
      return value.as_string() != nullptr;
    case Kind::kInteger: {
      const json::Number* number = value.as_number();
      return number != nullptr && number->text.find_first_of(".eE") == std::string::npos;
    }
    case Kind::kBoolean:
      return value.as_bool() != nullptr;
    case Kind::kObject:
      return value.as_object() != nullptr;
    case Kind::kArray:
      return value.as_array() != nullptr;
  }
  return false;
}

std::string kind_fault(const json::Value& value, Kind kind, std::string_view name) {
  if (is_of(value, kind)) return {};
  const KindWords& words = words_of(kind);
  const bool fraction = kind == Kind::kInteger && value.as_number() != nullptr;
  return fmt::format("must be {}, e.g. {} = {}; it is {}", words.called, name, words.sample,
                     fraction ? "a decimal number" : value.kind_name());
}

struct ParameterWords {
  std::string about;
  std::string kind = "string";
};

Parameter read_parameter(const std::string& name, const Node& table, Source& source) {
  static const std::vector<config::Key<ParameterWords>> keys = {
      {"about", &ParameterWords::about, 0, 0, config::check_not_empty},
      {"kind", &ParameterWords::kind, 0, 0, check_kind},
  };
  const std::string where = "[parameters." + name + "]";
  Parameter parameter;
  ParameterWords words;
  config::read_section(table, where, keys, words, source.mistakes, {"default"});
  if (table.kind != Node::Kind::kTable) return parameter;
  parameter.about = words.about;
  parameter.kind = *kind_of(words.kind);
  if (table.find("about") == nullptr) {
    source.mistakes.add(table.line,
                        where + " about is missing; say what it is, for whoever writes the settings");
  }
  const Node* given = table.find("default");
  if (given == nullptr) return parameter;
  ToJson to_json;
  auto value = to_json.value(*given);
  if (!value) {
    source.mistakes.add(to_json.line(), where + " default " + to_json.fault());
    return parameter;
  }
  // Where `kind` itself is a mistake, nothing is known of the default.
  const Node* kind = table.find("kind");
  const std::string fault = kind != nullptr && kind->text != words.kind
                                ? std::string()
                                : kind_fault(*value, parameter.kind, "default");
  if (!fault.empty()) source.mistakes.add(given->line, where + " default " + fault);
  parameter.otherwise = std::move(*value);
  return parameter;
}

}  // namespace

std::map<std::string, Parameter> read_parameters(const Node& table, Source& source) {
  std::map<std::string, Parameter> parameters;
  if (table.kind != Node::Kind::kTable) {
    source.mistakes.add(table.line,
                        "parameters must be tables [parameters.NAME], not " + std::string(table.kind_name()));
    return parameters;
  }
  if (table.members.size() > kParametersMax) {
    source.mistakes.add(table.line, "there are more than 64 parameters; take some out");
    return parameters;
  }
  for (const auto& [name, node] : table.members) {
    if (!is_parameter_name(name)) {
      source.mistakes.add(node.line,
                          "parameter name \"" + name +
                              "\" must be 1 to 32 of the letters a-z 0-9 _, no digit first; programs write "
                              ".parameters.NAME");
    }
    parameters[name] = read_parameter(name, node, source);
  }
  return parameters;
}

std::string_view parameter_kind_name(Parameter::Kind kind) {
  return words_of(kind).name;
}

}  // namespace connector_file

FilledParameters fill_parameters(const Connector& connector, const json::Value& given) {
  namespace file = connector_file;
  FilledParameters filled;
  if (!given.is_null() && given.as_object() == nullptr) {
    filled.mistakes.push_back("must be a table, not " + std::string(given.kind_name()));
    return filled;
  }
  static const json::Object kNone;
  const json::Object& members = given.is_null() ? kNone : *given.as_object();
  std::vector<std::string> known;
  for (const auto& [name, parameter] : connector.parameters) known.push_back(name);
  for (const auto& [name, value] : members) {
    if (connector.parameters.contains(name)) continue;
    const std::string hint = did_you_mean(name, known);
    filled.mistakes.push_back("\"" + name + "\" is no parameter of the connector " + connector.name +
                              (hint.empty() ? "; take it out" : hint));
  }
  json::Object values;
  for (const auto& [name, parameter] : connector.parameters) {
    const json::Value* value = given.find(name);
    if (value == nullptr && !parameter.otherwise) {
      filled.mistakes.push_back(fmt::format("{} is missing ({}); write e.g. {} = {}", name, parameter.about,
                                            name, file::words_of(parameter.kind).sample));
      continue;
    }
    const std::string fault =
        value == nullptr ? std::string() : file::kind_fault(*value, parameter.kind, name);
    if (!fault.empty()) filled.mistakes.push_back(name + " " + fault);
    values.emplace_back(name, value == nullptr ? *parameter.otherwise : *value);
  }
  filled.values = json::Value(std::move(values));
  return filled;
}

}  // namespace tillsync
