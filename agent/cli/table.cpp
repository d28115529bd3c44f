#include "agent/cli/table.h"

#include <algorithm>

#include "platform/log/printable.h"

namespace tillsync::cli {

std::string fitted(const std::string& text, std::size_t columns) {
  if (columns_of(text) <= columns) return text;
  if (columns == 0) return {};
  std::string out;
  std::size_t used = 0;
  for (const char c : text) {
    const bool starts = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (starts && ++used == columns) break;
    out += c;
  }
  return out + "…";
}

std::string Table::text(std::size_t width, std::size_t indent) const {
  constexpr std::size_t kLastColumnMin =
      8;  // narrower than that nothing can be read, and the line runs over instead
  std::vector<std::size_t> widths(headings.size());
  for (std::size_t c = 0; c < headings.size(); ++c) {
    widths[c] = columns_of(headings[c]);
    for (const auto& row : rows) widths[c] = std::max(widths[c], c < row.size() ? columns_of(row[c]) : 0);
  }
  std::size_t before_last = indent;
  for (std::size_t c = 0; c + 1 < widths.size(); ++c) before_last += widths[c] + 2;
  if (width > before_last + kLastColumnMin) widths.back() = std::min(widths.back(), width - before_last);

  std::string out;
  const auto put = [&](const std::vector<std::string>& row) {
    std::string line(indent, ' ');
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const std::string cell = fitted(c < row.size() ? row[c] : "", widths[c]);
      const std::string pad(widths[c] - columns_of(cell), ' ');
      const bool to_right = std::find(right.begin(), right.end(), c) != right.end();
      line += to_right ? pad + cell : cell + pad;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  put(headings);
  for (const auto& row : rows) put(row);
  return out;
}

}  // namespace tillsync::cli
