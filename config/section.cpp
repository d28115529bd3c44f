#include "config/section.h"

#include <fmt/format.h>

#include <cmath>

namespace tillsync::config {
namespace {

constexpr std::size_t kTextBytesMax = 4096;

std::string wrong_type(std::string_view wanted, const Node& node) {
  return fmt::format("must be {}, not {}", wanted, node.kind_name());
}

std::string out_of_range(double min, double max) {
  return fmt::format("must be from {} to {}", min, max);
}

// Decimals may be written as TOML integers too: `timeout_s = 10`. NaN is in no range.
std::string read_decimal(const Node& node, double& out, double min, double max) {
  double value = 0;
  if (node.kind == Node::Kind::kInteger) {
    value = static_cast<double>(node.integer);
  } else if (node.kind == Node::Kind::kFloat) {
    value = node.number;
  } else {
    return wrong_type("a number without quotes, e.g. 10 or 0.5", node);
  }
  if (!(value >= min && value <= max)) return out_of_range(min, max);
  out = value;
  return {};
}

}  // namespace

std::string read_value(const Node& node, std::string& out, double, double, TextCheck check) {
  if (node.kind != Node::Kind::kString) return wrong_type("a string in quotes", node);
  if (node.text.size() > kTextBytesMax) return "must be at most 4096 bytes long";
  if (std::any_of(node.text.begin(), node.text.end(),
                  [](char c) { return static_cast<unsigned char>(c) < ' '; })) {
    return "must not hold line ends or other control characters";
  }
  const std::string wrong = check == nullptr ? std::string() : check(node.text);
  if (wrong.empty()) out = node.text;
  return wrong;
}

std::string read_value(const Node& node, std::int64_t& out, double min, double max, TextCheck) {
  if (node.kind != Node::Kind::kInteger) return wrong_type("a whole number without quotes", node);
  const auto value = static_cast<double>(node.integer);
  if (value < min || value > max) {
    return fmt::format("is {}; it {}", node.integer,
                       fmt::format("must be from {} to {}", std::llround(min), std::llround(max)));
  }
  out = node.integer;
  return {};
}

std::string read_value(const Node& node, double& out, double min, double max, TextCheck) {
  return read_decimal(node, out, min, max);
}

std::string read_value(const Node& node, bool& out, double, double, TextCheck) {
  if (node.kind != Node::Kind::kBoolean) return wrong_type("true or false, without quotes", node);
  out = node.flag;
  return {};
}

std::string read_value(const Node& node, std::chrono::milliseconds& out, double min, double max, TextCheck) {
  double seconds = 0;
  std::string wrong = read_decimal(node, seconds, min, max);
  if (wrong.empty()) {
    out = std::chrono::milliseconds(std::llround(seconds * 1000));
  } else if (node.kind == Node::Kind::kInteger || node.kind == Node::Kind::kFloat) {
    wrong += " seconds";
  }
  return wrong;
}

std::string read_value(const Node& node, SecretReference& out, double, double, TextCheck) {
  if (node.kind != Node::Kind::kString) return wrong_type("a string in quotes", node);
  const std::string wrong = check_secret(node.text);
  if (wrong.empty()) out.text = node.text;
  return wrong;
}

std::string read_value(const Node& node, std::chrono::minutes& out, double, double, TextCheck) {
  if (node.kind != Node::Kind::kString) return wrong_type("a time in quotes, e.g. \"04:00\"", node);
  const std::string& t = node.text;
  const auto digit = [&t](std::size_t at) { return t[at] >= '0' && t[at] <= '9'; };
  const bool shaped = t.size() == 5 && t[2] == ':' && digit(0) && digit(1) && digit(3) && digit(4);
  const int hours = shaped ? (t[0] - '0') * 10 + (t[1] - '0') : 99;
  const int minutes = shaped ? (t[3] - '0') * 10 + (t[4] - '0') : 99;
  if (hours > 23 || minutes > 59) return "must be a time from \"00:00\" to \"23:59\", e.g. \"04:00\"";
  out = std::chrono::minutes(hours * 60 + minutes);
  return {};
}

}  // namespace tillsync::config
