// Exact decimals (I6): money and quantities never pass through floating point.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace tillsync {

/// An exact decimal with up to 7 decimals, enough for the product of an amount (4) and a quantity (3).
/// Held as a 128-bit count of 10^-7. Input is bounded to 15 integer digits, so that sums and products of a
/// whole journal cannot overflow; arithmetic that would still overflow stops the process (it is a defect).
class Decimal {
 public:
  __extension__ typedef __int128 Units;
  static constexpr int kDecimals = 7;
  static constexpr int kIntegerDigitsMax = 15;

  constexpr Decimal() = default;
  static Decimal from_integer(std::int64_t value);

  /// Reads `-?digits(.digits)?` with at most `decimals_max` decimals (trailing zeros count). Anything else
  /// (sign `+`, exponent, blanks, empty parts, superfluous leading zeros, more than 15 integer digits) fails
  /// with kInvalid and a detail fit for a till vendor.
  static Result<Decimal> parse(std::string_view text, int decimals_max);

  /// Shortest exact text with at least `decimals_min` decimals: 2.5 -> "2.50" for 2, "2.5" for 0. No
  /// exponent, no "-0".
  std::string text(int decimals_min = 0) const;

  bool is_zero() const { return units_ == 0; }
  bool is_negative() const { return units_ < 0; }
  Decimal abs() const;

  /// Rounded half up (away from zero on the half, as tills do) to `decimals` places.
  Decimal rounded(int decimals) const;
  /// 10^-decimals: one minor unit of a currency with that many decimals.
  static Decimal minor_unit(int decimals);

  Decimal operator-() const;
  Decimal& operator+=(const Decimal& other);
  Decimal& operator-=(const Decimal& other);
  friend Decimal operator+(Decimal a, const Decimal& b) { return a += b; }
  friend Decimal operator-(Decimal a, const Decimal& b) { return a -= b; }
  /// Exact product. The caller promises that the decimals of both add up to at most 7 (an amount times a
  /// quantity).
  friend Decimal operator*(const Decimal& a, const Decimal& b);

  constexpr auto operator<=>(const Decimal&) const = default;

  /// The count of 10^-7, for codecs.
  constexpr Units units() const { return units_; }
  static constexpr Decimal from_units(Units units) {
    Decimal d;
    d.units_ = units;
    return d;
  }

 private:
  Units units_ = 0;
};

}  // namespace tillsync
