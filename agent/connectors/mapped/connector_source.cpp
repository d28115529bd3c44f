#include "agent/connectors/mapped/connector_source.h"

#include <algorithm>

#include "agent/connectors/mapped/connector_template.h"

namespace tillsync::connector_file {
namespace {

using config::Node;

constexpr std::string_view kBlanks = " \t\r\n";

bool steers(char c) {
  return (static_cast<unsigned char>(c) < ' ' && kBlanks.find(c) == std::string_view::npos) || c == '\x7f';
}

/// "" or what is wrong with it, worded to follow the key's name.
std::string fault_of(const Node& node, std::string_view wanted) {
  if (node.kind != Node::Kind::kString)
    return "must be " + std::string(wanted) + " in quotes, not " + std::string(node.kind_name());
  if (node.text.size() > kProgramBytesMax) return "is longer than 64 KiB; shorten it";
  if (node.text.find_first_not_of(kBlanks) == std::string::npos)
    return "is empty; write " + std::string(wanted) + ", or take it out";
  if (std::any_of(node.text.begin(), node.text.end(), steers))
    return "must not hold control characters; take them out, or write them as \\u00XX within a jq string";
  return {};
}

}  // namespace

Source::Source(std::string_view text, const std::string& file) : mistakes(file) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines_.push_back(line);
    begin = end + 1;
  }
}

std::int64_t Source::first_line_of(std::string_view key, std::int64_t line) const {
  if (line < 1 || static_cast<std::size_t>(line) > lines_.size()) return line;
  const std::string_view all = lines_[static_cast<std::size_t>(line) - 1];
  // Several keys may share the line of an inline table.
  const std::size_t from = std::min(all.find(key), all.size());
  const std::size_t opens = std::min(all.find("'''", from), all.find("\"\"\"", from));
  return opens != std::string_view::npos && opens + 3 == all.size() ? line + 1 : line;
}

std::optional<JqText> read_program(const Node& node, std::string_view key, const std::string& where,
                                   Source& source) {
  const std::string fault = fault_of(node, "a jq program");
  if (!fault.empty()) {
    source.mistakes.add(node.line, where + " " + std::string(key) + " " + fault);
    return std::nullopt;
  }
  return JqText{node.text, node.line, source.first_line_of(key, node.line)};
}

std::optional<Template> read_template(const Node& node, std::string_view key, const std::string& where,
                                      Source& source) {
  std::string fault = fault_of(node, "a text");
  std::int64_t line = node.line;
  if (fault.empty()) {
    ParsedTemplate parsed = parse_template(node.text, source.first_line_of(key, node.line));
    if (parsed.fault.empty()) {
      parsed.text.line = node.line;
      return std::move(parsed.text);
    }
    fault = std::move(parsed.fault);
    line = parsed.fault_line;
  }
  source.mistakes.add(line, where + " " + std::string(key) + " " + fault);
  return std::nullopt;
}

}  // namespace tillsync::connector_file
