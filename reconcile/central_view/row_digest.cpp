#include "reconcile/central_view/row_digest.h"

#include "platform/crypto/sha256.h"

namespace tillsync {
namespace {

std::uint64_t big_endian(const Sha256Digest& digest, std::size_t from, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | digest[from + i];
  return value;
}

void append_line(std::string& text, std::string_view line) {
  text += '\n';
  text += line;
}

}  // namespace

std::uint64_t row_key(std::string_view reference, std::string_view step) {
  std::string text(reference);
  append_line(text, step);
  return big_endian(sha256(text), 0, sizeof(std::uint64_t));
}

RowDigest row_digest(std::string_view reference, std::string_view step, std::string_view total,
                     std::string_view currency, std::string_view document) {
  std::string text;
  text.reserve(reference.size() + step.size() + total.size() + currency.size() + document.size() + 4);
  text += reference;
  append_line(text, step);
  RowDigest row;
  row.key = big_endian(sha256(text), 0, sizeof(std::uint64_t));
  append_line(text, total);
  append_line(text, currency);
  append_line(text, document);
  const Sha256Digest digest = sha256(text);
  for (std::size_t i = 0; i < kDigestWords; ++i) {
    row.words[i] =
        static_cast<std::uint32_t>(big_endian(digest, i * sizeof(std::uint32_t), sizeof(std::uint32_t)));
  }
  return row;
}

void RangeSum::add(const RowDigest& row) {
  ++count;
  for (std::size_t i = 0; i < kDigestWords; ++i) sums[i] += row.words[i];
}

RangeSum& RangeSum::operator+=(const RangeSum& other) {
  count += other.count;
  for (std::size_t i = 0; i < kDigestWords; ++i) sums[i] += other.sums[i];
  return *this;
}

std::optional<KeyPrefix> KeyPrefix::parse(std::string_view text) {
  if (text.size() > kDigitsMax) return std::nullopt;
  KeyPrefix prefix;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) return std::nullopt;
    const auto value = static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
    ++prefix.digits_;
    prefix.bits_ |= value << (64 - 4 * prefix.digits_);
  }
  return prefix;
}

std::string KeyPrefix::text() const {
  std::string out;
  for (int i = 1; i <= digits_; ++i) out += "0123456789abcdef"[bits_ >> (64 - 4 * i) & 15];
  return out;
}

KeyPrefix KeyPrefix::parent() const {
  KeyPrefix prefix;
  prefix.digits_ = digits_ - 1;
  if (prefix.digits_ > 0) prefix.bits_ = bits_ & ~(~std::uint64_t{0} >> 4 * prefix.digits_);
  return prefix;
}

KeyPrefix KeyPrefix::part(int digit) const {
  KeyPrefix prefix;
  prefix.digits_ = digits_ + 1;
  prefix.bits_ = bits_ | static_cast<std::uint64_t>(digit) << (64 - 4 * prefix.digits_);
  return prefix;
}

}  // namespace tillsync
