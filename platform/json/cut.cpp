#include "platform/json/cut.h"

#include <algorithm>

namespace tillsync::json {
namespace {

// The mark {"":N}: no object can be mistaken for it, since every object in that place is cut out.
constexpr std::string_view kMarkBegin = "{\"\":";

constexpr std::size_t kNone = std::string_view::npos;

/// One past the string that begins at `at`, or kNone where it does not end.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;  // what a backslash escapes is skipped
  }
  return kNone;
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(" \t\r\n", at), text.size());
}

/// One past the object that begins at `at`, or kNone.
std::size_t end_of_object(std::string_view text, std::size_t at) {
  std::size_t open = 0;
  for (std::size_t i = at; i < text.size();) {
    const char c = text[i];
    if (c == '"') {
      i = end_of_string(text, i);
      if (i == kNone) return kNone;
      continue;
    }
    ++i;
    if (c == '{') ++open;
    if (c == '}' && --open == 0) return i;
  }
  return kNone;
}

}  // namespace

Cut cut_objects(std::string_view text, std::string_view name, int depth) {
  Cut cut;
  int open = 0;
  std::size_t copied = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c != '"') {
      if (c == '{' || c == '[') ++open;
      if (c == '}' || c == ']') --open;
      ++i;
      continue;
    }
    const std::size_t end = end_of_string(text, i);
    if (end == kNone) break;
    const bool named = open == depth && text.substr(i + 1, end - i - 2) == name;
    i = end;
    if (!named) continue;
    const std::size_t colon = skip_blanks(text, i);
    if (colon == text.size() || text[colon] != ':') continue;
    const std::size_t begin = skip_blanks(text, colon + 1);
    if (begin == text.size() || text[begin] != '{') continue;
    i = end_of_object(text, begin);
    if (i == kNone) break;
    cut.text += text.substr(copied, begin - copied);
    cut.text += kMarkBegin;
    cut.text += std::to_string(cut.objects.size()) + '}';
    cut.objects.push_back(text.substr(begin, i - begin));
    copied = i;
  }
  cut.text += text.substr(copied);
  return cut;
}

std::optional<std::string_view> object_at(const Cut& cut, const Value& value) {
  const Object* const members = value.as_object();
  if (members == nullptr || members->size() != 1 || !members->front().first.empty()) return std::nullopt;
  const auto place = value.integer_of("", -1);
  if (place < 0 || static_cast<std::size_t>(place) >= cut.objects.size()) return std::nullopt;
  return cut.objects[static_cast<std::size_t>(place)];
}

}  // namespace tillsync::json
