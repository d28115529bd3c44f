#include "agent/connectors/mapped/connector_template.h"

#include <algorithm>

namespace tillsync::connector_file {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

/// Where the brace stands that closes the expression which begins at `at`; kNone where there is none. What is
/// open is followed as jq reads it: a brace in a string closes nothing, but `\(...)` within a string is an
/// expression again.
std::size_t closing_brace(std::string_view text, std::size_t at) {
  std::string open = "{";  // innermost last: { ( "
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (open.back() == '"') {
      if (c == '\\' && at + 1 < text.size()) {
        if (text[++at] == '(') open += '(';
      } else if (c == '"') {
        open.pop_back();
      }
      continue;
    }
    if (c == '"' || c == '{' || c == '(') {
      open += c;
    } else if (c == '#') {  // a comment ends with its line
      at = text.find('\n', at);
      if (at == kNone) return kNone;
    } else if (c == ')' && open.back() == '(') {
      open.pop_back();
    } else if (c == '}') {
      if (open.back() != '{') return kNone;
      open.pop_back();
      if (open.empty()) return at;
    }
  }
  return kNone;
}

class Scanner {
 public:
  Scanner(std::string_view text, std::int64_t first_line) : text_(text), line_(first_line) {}

  ParsedTemplate scan() {
    while (at_ < text_.size() && parsed_.fault.empty()) {
      const char c = text_[at_];
      const bool twice = at_ + 1 < text_.size() && text_[at_ + 1] == c;
      if ((c == '{' || c == '}') && twice) {
        literal(c);
        at_ += 2;
      } else if (c == '{') {
        expression();
      } else if (c == '}') {
        wrong("has a } that closes nothing; write }} where a brace is meant");
      } else {
        literal(c);
        ++at_;
      }
    }
    return std::move(parsed_);
  }

 private:
  void literal(char c) {
    auto& parts = parsed_.text.parts;
    if (parts.empty() || parts.back().jq) parts.push_back({false, "", line_});
    parts.back().text += c;
    if (c == '\n') ++line_;
  }

  void expression() {
    const std::size_t end = closing_brace(text_, at_ + 1);
    if (end == kNone) {
      return wrong(
          "has a { that is not closed; close it with } behind its jq expression, or write {{ where a brace "
          "is "
          "meant");
    }
    const std::string_view jq = text_.substr(at_ + 1, end - at_ - 1);
    if (jq.find_first_not_of(" \t\r\n") == kNone)
      return wrong(
          "has nothing between { and }; write a jq expression there, or {{}} where braces are meant");
    parsed_.text.parts.push_back({true, std::string(jq), line_});
    line_ += std::count(jq.begin(), jq.end(), '\n');
    at_ = end + 1;
  }

  void wrong(std::string fault) {
    parsed_.fault = std::move(fault);
    parsed_.fault_line = line_;
  }

  const std::string_view text_;
  std::int64_t line_;  // of the file, at `at_`
  std::size_t at_ = 0;
  ParsedTemplate parsed_;
};

}  // namespace

ParsedTemplate parse_template(std::string_view text, std::int64_t first_line) {
  return Scanner(text, first_line).scan();
}

}  // namespace tillsync::connector_file
