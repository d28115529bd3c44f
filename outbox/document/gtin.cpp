#include "outbox/document/gtin.h"

#include <algorithm>

namespace tillsync {

bool is_valid_gtin(std::string_view text) {
  if (text.size() != 8 && text.size() != 12 && text.size() != 13 && text.size() != 14) return false;
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) return false;
  // From the right, the check digit itself weighs 1, its neighbour 3, and so on in turn; the whole is a
  // multiple of ten.
  int sum = 0;
  int weight = 1;
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit) {
    sum += (*digit - '0') * weight;
    weight = 4 - weight;
  }
  return sum % 10 == 0;
}

}  // namespace tillsync
