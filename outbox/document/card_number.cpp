#include "outbox/document/card_number.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace tillsync {
namespace {

constexpr std::size_t kDigitsMin = 13;
constexpr std::size_t kDigitsMax = 19;
// More blanks or dashes than these between two groups: they are two numbers.
constexpr int kSeparatorsMax = 3;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The length in bytes of the blank or dash that `text` begins with (UTF-8), or 0.
std::size_t separator_length(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] == ' ' || text[0] == '-' || text[0] == '\t') return 1;
  if (text.starts_with("\xc2\xa0") || text.starts_with("\xc2\xad")) return 2;  // no-break space, soft hyphen
  if (text.size() < 3) return 0;
  if (text.starts_with("\xe2\x80")) {
    const auto last = static_cast<unsigned char>(text[2]);
    const bool blank = last >= 0x80 && last <= 0x8b;  // U+2000 to U+200B: the typographic spaces
    const bool dash = last >= 0x90 && last <= 0x95;   // U+2010 to U+2015: hyphens and dashes
    return blank || dash || last == 0xaf ? 3 : 0;     // U+202F: narrow no-break space
  }
  return text.starts_with("\xe2\x88\x92") || text.starts_with("\xe3\x80\x80")
             ? 3
             : 0;  // minus, ideographic space
}

/// The issuer ranges and lengths of the schemes, by the first four digits.
bool is_scheme_number(int prefix, std::size_t length) {
  const auto first = [prefix](int from, int to) { return prefix >= from && prefix <= to; };
  const bool from_16 = length >= 16;
  if (first(4000, 4999)) return length == 13 || length == 16 || length == 19;              // Visa
  if (first(5100, 5599) || first(2221, 2720)) return length == 16;                         // Mastercard
  if (first(3400, 3499) || first(3700, 3799)) return length == 15;                         // American Express
  if (first(3000, 3059) || first(3095, 3095) || first(3600, 3699) || first(3800, 3999)) {  // Diners Club
    return length >= 14;
  }
  if (first(3528, 3589)) return from_16;                                            // JCB
  if (first(6011, 6011) || first(6440, 6599) || first(6200, 6299)) return from_16;  // Discover, UnionPay
  if (first(2200, 2204)) return from_16;                                            // Mir
  // Maestro has 12 to 19 digits and wide ranges; only its usual lengths count, or too many other numbers
  // would.
  if (first(5000, 5099) || first(5600, 6999)) return length == 16 || length == 18 || length == 19;
  return false;
}

/// ISO/IEC 7812-1 annex B.
bool passes_luhn(std::string_view digits) {
  int sum = 0;
  bool doubled = false;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    const int value = (*digit - '0') << (doubled ? 1 : 0);
    sum += value > 9 ? value - 9 : value;
    doubled = !doubled;
  }
  return sum % 10 == 0;
}

bool is_card_number(std::string_view digits) {
  int prefix = 0;
  for (const char digit : digits.substr(0, 4)) prefix = prefix * 10 + (digit - '0');
  return is_scheme_number(prefix, digits.size()) && passes_luhn(digits);
}

/// The last groups of digits that may belong together: at most 19 digits of them matter.
class Groups {
 public:
  void clear() {
    digits_count_ = 0;
    groups_count_ = 0;
  }

  /// Adds a group; true where some last groups, this one included, make a card number.
  bool add(std::string_view group) {
    if (group.size() > kDigitsMax) {
      clear();
      return false;
    }
    while (digits_count_ + group.size() > kDigitsMax) drop_first();
    std::copy(group.begin(), group.end(), digits_.begin() + static_cast<std::ptrdiff_t>(digits_count_));
    starts_[groups_count_++] = digits_count_;
    digits_count_ += group.size();
    const std::string_view all(digits_.data(), digits_count_);
    for (std::size_t i = 0; i < groups_count_ && all.size() - starts_[i] >= kDigitsMin; ++i) {
      if (is_card_number(all.substr(starts_[i]))) return true;
    }
    return false;
  }

 private:
  void drop_first() {
    const std::size_t dropped = groups_count_ > 1 ? starts_[1] : digits_count_;
    std::copy(digits_.begin() + static_cast<std::ptrdiff_t>(dropped),
              digits_.begin() + static_cast<std::ptrdiff_t>(digits_count_), digits_.begin());
    digits_count_ -= dropped;
    --groups_count_;
    for (std::size_t i = 0; i < groups_count_; ++i) starts_[i] = starts_[i + 1] - dropped;
  }

  std::array<char, kDigitsMax> digits_{};
  std::array<std::size_t, kDigitsMax + 1> starts_{};
  std::size_t digits_count_ = 0;
  std::size_t groups_count_ = 0;
};

bool is_alphanumeric(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

constexpr std::size_t kUuidLength = 36;

/// Whether a UUID (RFC 9562: 8-4-4-4-12 hexadecimal digits) begins at `start`. Its groups are digits often
/// enough to look like a card number once in some ten thousand, and a sale must not be refused for its
/// correlation id.
bool is_uuid_at(std::string_view text, std::size_t start) {
  if (text.size() < start + kUuidLength || (start > 0 && is_alphanumeric(text[start - 1]))) return false;
  for (std::size_t i = 0; i < kUuidLength; ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[start + i] != '-' : !is_hex(text[start + i])) return false;
  }
  return text.size() == start + kUuidLength || !is_alphanumeric(text[start + kUuidLength]);
}

}  // namespace

bool holds_card_number(std::string_view text) {
  if (text.size() < kDigitsMin) return false;
  if (std::count_if(text.begin(), text.end(), is_digit) < static_cast<std::ptrdiff_t>(kDigitsMin))
    return false;
  Groups groups;
  int separators = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (is_hex(text[at]) && is_uuid_at(text, at)) {
      groups.clear();
      at += kUuidLength;
    } else if (is_digit(text[at])) {
      const auto end = std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), is_digit);
      const auto length = static_cast<std::size_t>(end - text.begin()) - at;
      if (groups.add(text.substr(at, length))) return true;
      separators = 0;
      at += length;
    } else if (const std::size_t length = separator_length(text.substr(at)); length > 0) {
      if (++separators > kSeparatorsMax) groups.clear();
      at += length;
    } else {
      groups.clear();
      ++at;
    }
  }
  return false;
}

}  // namespace tillsync
