#include "agent/poslog/xml_nodes.h"

#include <algorithm>

namespace tillsync::poslog {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string_view behind_colon(std::string_view name) {
  const auto colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::string_view local_name(pugi::xml_node node) {
  return behind_colon(node.name());
}

std::string_view prefix_of(pugi::xml_node node) {
  const std::string_view name = node.name();
  const auto colon = name.rfind(':');
  return colon == std::string_view::npos ? std::string_view() : name.substr(0, colon);
}

pugi::xml_node child(pugi::xml_node parent, std::string_view name) {
  for (const auto node : parent.children()) {
    if (node.type() == pugi::node_element && local_name(node) == name) return node;
  }
  return {};
}

std::vector<pugi::xml_node> children(pugi::xml_node parent, std::string_view name) {
  std::vector<pugi::xml_node> found;
  for (const auto node : parent.children()) {
    if (node.type() == pugi::node_element && local_name(node) == name) found.push_back(node);
  }
  return found;
}

std::string text(pugi::xml_node node) {
  std::string all = node.value();  // parse_embed_pcdata: the first of its text
  for (const auto part : node.children()) {
    if (part.type() == pugi::node_pcdata || part.type() == pugi::node_cdata) all += part.value();
  }
  return std::string(trimmed(all));
}

std::string text_of(pugi::xml_node parent, std::string_view name) {
  return text(child(parent, name));
}

std::string first_text(pugi::xml_node parent, std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (auto found = text_of(parent, name); !found.empty()) return found;
  }
  return {};
}

std::string_view attribute(pugi::xml_node node, std::string_view name) {
  for (const auto one : node.attributes()) {
    if (behind_colon(one.name()) == name) return trimmed(one.value());
  }
  return {};
}

bool is_set(pugi::xml_node node, std::string_view name) {
  const auto value = attribute(node, name);
  return value == "1" || equal_ignoring_case(value, "true");
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<Decimal> decimal(std::string_view text) {
  constexpr std::size_t kDigitsMax = 12;
  text = trimmed(text);
  std::string plain;
  if (text.starts_with('+') || text.starts_with('-')) {
    if (text.front() == '-') plain = "-";
    text.remove_prefix(1);
  }
  const auto point = std::min(text.find('.'), text.size());
  auto whole = text.substr(0, point);
  auto fraction = point < text.size() ? text.substr(point + 1) : std::string_view();
  if (whole.empty() && fraction.empty()) return std::nullopt;
  while (whole.size() > 1 && whole.front() == '0') whole.remove_prefix(1);
  while (fraction.ends_with('0')) fraction.remove_suffix(1);
  if (whole.size() > kDigitsMax) return std::nullopt;
  plain += whole.empty() ? "0" : std::string(whole);
  if (!fraction.empty()) plain.append(".").append(fraction);
  const auto value = Decimal::parse(plain, Decimal::kDecimals);
  return value ? std::optional<Decimal>(*value) : std::nullopt;
}

int decimals_of(const Decimal& value) {
  const auto shortest = value.text();
  const auto point = shortest.find('.');
  return point == std::string::npos ? 0 : static_cast<int>(shortest.size() - point - 1);
}

void FaultList::add(std::string xpath, std::string detail) {
  if (++count_ <= kPoslogFaultsMax) kept_.push_back({std::move(xpath), std::move(detail)});
}

std::vector<PoslogFault> FaultList::take() {
  if (count_ > kPoslogFaultsMax)
    kept_.back() = {"", "and " + std::to_string(count_ - kPoslogFaultsMax + 1) + " more faults"};
  count_ = 0;
  return std::exchange(kept_, {});
}

}  // namespace tillsync::poslog
