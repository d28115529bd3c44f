// Plain text tables. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tillsync::cli {

/// A heading over each column; those named in `right` (by index) are for numbers. Cells are expected to be
/// printable already.
struct Table {
  std::vector<std::string> headings;
  std::vector<std::size_t> right;
  std::vector<std::vector<std::string>> rows;

  /// Lines with their line ends, two blanks between columns, no blanks at a line's end. Where `width` is not
  /// 0 and a line would be longer, the last column is cut, and ends in "…". `indent` blanks stand before each
  /// line.
  std::string text(std::size_t width = 0, std::size_t indent = 0) const;
};

/// The text cut to that many columns, ending in "…" where it was longer.
std::string fitted(const std::string& text, std::size_t columns);

}  // namespace tillsync::cli
