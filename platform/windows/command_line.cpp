#include "platform/windows/command_line.h"

#include "platform/windows/handle.h"

namespace tillsync {
namespace {

/// A backslash means itself unless a quote follows.
std::wstring quoted(const std::wstring& text) {
  std::wstring out = L"\"";
  std::size_t backslashes = 0;
  for (const wchar_t c : text) {
    if (c == L'\\') {
      ++backslashes;
      continue;
    }
    out.append(c == L'"' ? 2 * backslashes + 1 : backslashes, L'\\');
    backslashes = 0;
    out += c;
  }
  out.append(2 * backslashes, L'\\');
  return out + L'"';
}

}  // namespace

std::wstring command_line(const std::vector<std::string>& argv) {
  std::wstring line;
  for (const std::string& argument : argv) {
    const std::wstring text = wide(argument);
    const bool plain =
        !line.empty() && !text.empty() && text.find_first_of(L" \t\n\v\"") == std::wstring::npos;
    if (!line.empty()) line += L' ';
    line += plain ? text : quoted(text);
  }
  return line;
}

}  // namespace tillsync
