// Digests by which two lists of rows are compared without sending them (agent/DESIGN.md has the protocol): a
// row has a key, by which rows fall into ranges evenly, and a hash; a range of rows has a count and the sums
// of the hashes, which any database can add up.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tillsync {

inline constexpr std::size_t kDigestWords = 4;
/// 2^53 / 2^32: so many rows have sums that every JSON reader holds exactly.
inline constexpr std::int64_t kDigestRowsMax = std::int64_t{1} << 21;

/// The first 64 bits of SHA-256 over `REFERENCE LF STEP`.
std::uint64_t row_key(std::string_view reference, std::string_view step);

struct RowDigest {
  std::uint64_t key = 0;
  /// The first 128 bits, as four big-endian words, of SHA-256 over
  /// `REFERENCE LF STEP LF TOTAL LF CURRENCY LF DOCUMENT`.
  std::array<std::uint32_t, kDigestWords> words{};
  bool operator==(const RowDigest&) const = default;
};

/// `total`: in its shortest form ("2.5", "12"), "" with `currency` where there is no money; `document`: its
/// JSON, members sorted (sorted_json()).
RowDigest row_digest(std::string_view reference, std::string_view step, std::string_view total,
                     std::string_view currency, std::string_view document);

/// A range of rows, whatever their order. Sums and no exclusive or: a row that is there twice shows.
struct RangeSum {
  std::int64_t count = 0;
  std::array<std::int64_t, kDigestWords> sums{};

  void add(const RowDigest& row);
  RangeSum& operator+=(const RangeSum& other);
  bool operator==(const RangeSum&) const = default;
};

/// The rows whose key begins with these hexadecimal digits; none: all rows.
class KeyPrefix {
 public:
  /// Rows that share so many digits are doubles of one another.
  static constexpr int kDigitsMax = 12;
  static constexpr int kParts = 16;

  KeyPrefix() = default;
  /// Lower-case hexadecimal of at most kDigitsMax digits, else nothing.
  static std::optional<KeyPrefix> parse(std::string_view text);
  std::string text() const;

  int digits() const { return digits_; }
  std::uint64_t first() const { return bits_; }
  std::uint64_t last() const {
    return digits_ == 0 ? ~std::uint64_t{0} : bits_ | ~std::uint64_t{0} >> 4 * digits_;
  }
  bool contains(std::uint64_t key) const { return key >= first() && key <= last(); }
  /// The range that this one is a part of; only where there are digits.
  KeyPrefix parent() const;
  /// One of its kParts, a digit longer; only below kDigitsMax.
  KeyPrefix part(int digit) const;

  auto operator<=>(const KeyPrefix&) const = default;

 private:
  std::uint64_t bits_ = 0;  ///< the digits, from the left; zeros behind them
  int digits_ = 0;
};

}  // namespace tillsync
