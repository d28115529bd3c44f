#include "platform/base/decimal.h"

#include <algorithm>
#include <limits>

#include "platform/base/check.h"
#include "platform/base/mutation.h"

namespace tillsync {
namespace {

using Units = Decimal::Units;
__extension__ typedef unsigned __int128 Magnitude;

constexpr std::int64_t kPowersOfTen[] = {1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000};
constexpr std::int64_t kUnitsPerOne = kPowersOfTen[Decimal::kDecimals];

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Error invalid(std::string detail) {
  return Error{ErrorKind::kInvalid, "invalid-decimal", std::move(detail)};
}

std::size_t count_digits(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  return static_cast<std::size_t>(end - text.begin());
}

Units checked_multiply(Units a, Units b) {
  Units product = 0;
  TILLSYNC_CHECK(!__builtin_mul_overflow(a, b, &product), "a product of decimals stays in range");
  return product;
}

/// Takes up to kDecimals factors of ten out of `mantissa` and returns how many.
int strip_zeros(Units& mantissa) {
  int stripped = 0;
  while (stripped < Decimal::kDecimals && mantissa != 0 && mantissa % 10 == 0) {
    mantissa /= 10;
    ++stripped;
  }
  return stripped;
}

/// A product of two counts of units, as units.
template <class Signed>
Units in_units(Signed product) {
  TILLSYNC_CHECK(product % kUnitsPerOne == 0, "a product has at most 7 decimals");
  return product / kUnitsPerOne;
}

template <class Unsigned>
char* write_digits_before(char* end, Unsigned value) {
  do {
    *--end = static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value != 0);
  return end;
}

}  // namespace

Decimal Decimal::from_integer(std::int64_t value) {
  return from_units(static_cast<Units>(value) * kUnitsPerOne);
}

Result<Decimal> Decimal::parse(std::string_view text, int decimals_max) {
  const auto form = [&] {
    return "a decimal is digits, then at most " + std::to_string(decimals_max) +
           " more behind a point, such as \"12" + (decimals_max > 0 ? ".5" : "") + "\"";
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);
  const std::size_t integer_digits = count_digits(rest);
  if (integer_digits == 0) return invalid("no decimal: " + form());
  if (integer_digits > 1 && rest.front() == '0') return invalid("superfluous zero in front: " + form());
  if (integer_digits > static_cast<std::size_t>(kIntegerDigitsMax)) {
    return Error{ErrorKind::kInvalid, "decimal-out-of-range",
                 "more than " + std::to_string(kIntegerDigitsMax) + " digits in front of the point"};
  }
  std::int64_t integer = 0;
  for (const char c : rest.substr(0, integer_digits)) integer = integer * 10 + (c - '0');
  rest.remove_prefix(integer_digits);

  std::int64_t fraction = 0;
  if (!rest.empty()) {
    if (rest.front() != '.') return invalid("no decimal: " + form());
    rest.remove_prefix(1);
    const std::size_t decimals = count_digits(rest);
    if (decimals == 0 || decimals != rest.size()) return invalid("no decimal: " + form());
    if (decimals > static_cast<std::size_t>(std::min(decimals_max, kDecimals))) {
      return invalid("too many decimals: " + form());
    }
    for (const char c : rest) fraction = fraction * 10 + (c - '0');
    fraction *= kPowersOfTen[static_cast<std::size_t>(kDecimals) - decimals];
  }
  Units units = static_cast<Units>(integer) * kUnitsPerOne + fraction;
  if (mutated("money-as-float")) units = static_cast<Units>(static_cast<float>(units));
  return from_units(negative ? -units : units);
}

std::string Decimal::text(int decimals_min) const {
  // The mantissa has at most 39 digits; a point and a sign come to it.
  char buffer[48];
  char* const end = buffer + sizeof buffer;
  const Magnitude magnitude =
      units_ < 0 ? Magnitude{0} - static_cast<Magnitude>(units_) : static_cast<Magnitude>(units_);
  std::uint32_t fraction = 0;
  char* begin = nullptr;
  char* const point = end - kDecimals - 1;
  if (magnitude <= std::numeric_limits<std::uint64_t>::max()) {  // division of 128 bits is slow
    const auto small = static_cast<std::uint64_t>(magnitude);
    fraction = static_cast<std::uint32_t>(small % kUnitsPerOne);
    begin = write_digits_before(point, small / kUnitsPerOne);
  } else {
    fraction = static_cast<std::uint32_t>(magnitude % kUnitsPerOne);
    begin = write_digits_before(point, magnitude / kUnitsPerOne);
  }
  *point = '.';
  for (char* digit = end; digit-- != point + 1; fraction /= 10)
    *digit = static_cast<char>('0' + fraction % 10);
  if (units_ < 0) *--begin = '-';

  char* const least = point + 1 + std::clamp(decimals_min, 0, kDecimals);
  char* last = end;
  while (last > least && last[-1] == '0') --last;
  if (last == point + 1) --last;  // no decimals: no point
  return std::string(begin, last);
}

Decimal Decimal::abs() const {
  return is_negative() ? -*this : *this;
}

Decimal Decimal::rounded(int decimals) const {
  TILLSYNC_CHECK(decimals >= 0, "rounding is behind the point");
  if (decimals >= kDecimals) return *this;
  const std::int64_t step = kPowersOfTen[kDecimals - decimals];
  const Units rest = units_ % step;
  Units result = units_ - rest;
  if (rest >= step / 2) result += step;
  if (rest <= -(step / 2)) result -= step;
  return from_units(result);
}

Decimal Decimal::minor_unit(int decimals) {
  TILLSYNC_CHECK(decimals >= 0 && decimals <= kDecimals, "a minor unit is a decimal this type can hold");
  return from_units(kPowersOfTen[kDecimals - decimals]);
}

Decimal Decimal::operator-() const {
  Decimal zero;
  return zero -= *this;
}

Decimal& Decimal::operator+=(const Decimal& other) {
  TILLSYNC_CHECK(!__builtin_add_overflow(units_, other.units_, &units_), "a sum of decimals stays in range");
  return *this;
}

Decimal& Decimal::operator-=(const Decimal& other) {
  TILLSYNC_CHECK(!__builtin_sub_overflow(units_, other.units_, &units_),
                 "a difference of decimals stays in range");
  return *this;
}

Decimal operator*(const Decimal& a, const Decimal& b) {
  Units product = 0;
  if (!__builtin_mul_overflow(a.units_, b.units_, &product)) {
    const auto small = static_cast<std::int64_t>(product);  // divides far faster
    return Decimal::from_units(small == product ? in_units(small) : in_units(product));
  }
  Units left = a.units_;
  Units right = b.units_;
  const int stripped = strip_zeros(left) + strip_zeros(right);
  TILLSYNC_CHECK(stripped >= Decimal::kDecimals, "a product has at most 7 decimals");
  return Decimal::from_units(
      checked_multiply(checked_multiply(left, right), kPowersOfTen[stripped - Decimal::kDecimals]));
}

}  // namespace tillsync
