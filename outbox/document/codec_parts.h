// The compact parts that documents are made of in the journal, on cereal archives. Internal to the codec.
//
// cereal's own forms spend eight bytes on every length; a till's document is mostly short strings and small
// numbers, so here lengths and integers are varints (seven bits a byte, lowest first), signed ones zigzagged,
// and a decimal is one varint of its shortest mantissa, its scale and its sign. Each function writes with an
// Output and reads with an Input.
#pragma once

#include <algorithm>
#include <array>
#include <cereal/archives/portable_binary.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/decimal.h"

namespace tillsync::codec {

/// Stored bytes are no document. Thrown while reading, and caught where decode_document() begins.
class Corrupt : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Where parts are written to.
struct Output {
  static constexpr bool kSaves = true;
  cereal::PortableBinaryOutputArchive& cereal;
};

/// Where parts are read from. An archive of cereal's writes bytes as they are, so reading them back needs
/// neither it nor its stream, whose calls for a byte each were a third of reading a document.
struct Input {
  static constexpr bool kSaves = false;
  std::string_view left;
};

__extension__ typedef unsigned __int128 Wide;

template <class Archive>
void raw(Archive& archive, char* bytes, std::size_t count) {
  // Not by cereal::binary_data: it takes the size of a pointer for that of its elements, and swaps bytes in
  // eights where an archive says that it comes from a machine of the other endianness.
  if constexpr (Archive::kSaves) {
    archive.cereal.template saveBinary<1>(bytes, static_cast<std::streamsize>(count));
  } else {
    if (count > archive.left.size()) throw Corrupt("the bytes end too early");
    std::copy_n(archive.left.data(), count, bytes);
    archive.left.remove_prefix(count);
  }
}

/// A varint as wide as `Unsigned`.
template <class Unsigned, class Archive>
void varint(Archive& archive, Unsigned& value) {
  constexpr int kBits = static_cast<int>(sizeof(Unsigned) * 8);
  if constexpr (Archive::kSaves) {
    std::array<char, (kBits + 6) / 7> bytes;
    std::size_t count = 0;
    Unsigned rest = value;
    for (; rest >= 0x80; rest >>= 7)
      bytes[count++] = static_cast<char>(static_cast<unsigned char>(rest) | 0x80);
    bytes[count++] = static_cast<char>(static_cast<unsigned char>(rest));
    raw(archive, bytes.data(), count);
  } else {
    value = 0;
    for (int shift = 0;; shift += 7) {
      char byte = 0;
      raw(archive, &byte, 1);
      const auto bits = static_cast<Unsigned>(static_cast<unsigned char>(byte) & 0x7f);
      if (shift >= kBits || static_cast<Unsigned>(bits << shift) >> shift != bits)
        throw Corrupt("a number is too long");
      value |= static_cast<Unsigned>(bits << shift);
      if ((static_cast<unsigned char>(byte) & 0x80) == 0) return;
    }
  }
}

template <class Archive>
void part(Archive& archive, std::uint64_t& value) {
  varint(archive, value);
}

template <class Archive>
void part(Archive& archive, std::int64_t& value) {
  auto zigzag = static_cast<std::uint64_t>(value) << 1 ^ (value < 0 ? ~std::uint64_t{0} : 0);
  varint(archive, zigzag);
  if constexpr (!Archive::kSaves) value = static_cast<std::int64_t>(zigzag >> 1 ^ (0 - (zigzag & 1)));
}

template <class Archive>
void part(Archive& archive, std::uint8_t& value) {
  char byte = static_cast<char>(value);
  raw(archive, &byte, 1);
  if constexpr (!Archive::kSaves) value = static_cast<std::uint8_t>(byte);
}

template <class Archive>
void part(Archive& archive, std::string& text) {
  std::uint64_t length = text.size();
  varint(archive, length);
  if constexpr (!Archive::kSaves) {
    if (length > archive.left.size()) throw Corrupt("a text is cut off");
    text.resize(static_cast<std::size_t>(length));
  }
  raw(archive, text.data(), text.size());
}

/// Takes the tens out of a mantissa of kDecimals decimals; returns how many decimals are left.
template <class Unsigned>
unsigned shortest_scale(Unsigned& mantissa) {
  unsigned scale = Decimal::kDecimals;
  for (; scale > 0 && mantissa % 10 == 0; --scale) mantissa /= 10;
  return scale;
}

/// mantissa * 16 + scale * 2 + sign, the mantissa without trailing zeros behind the point. 2.55 takes two
/// bytes, 6 takes one.
template <class Archive>
void part(Archive& archive, Decimal& value) {
  constexpr Wide kMantissaMax = std::numeric_limits<Wide>::max() >> 4;
  Wide packed = 0;
  if constexpr (Archive::kSaves) {
    Wide mantissa =
        value.is_negative() ? Wide{0} - static_cast<Wide>(value.units()) : static_cast<Wide>(value.units());
    unsigned scale = 0;
    if (auto small = static_cast<std::uint64_t>(mantissa); small == mantissa) {  // divides far faster
      scale = shortest_scale(small);
      mantissa = small;
    } else {
      scale = shortest_scale(mantissa);
    }
    if (mantissa > kMantissaMax) throw std::length_error("a decimal of a document stays in range");
    packed = mantissa << 4 | scale << 1 | (value.is_negative() ? 1U : 0U);
    varint(archive, packed);
  } else {
    varint(archive, packed);
    Wide mantissa = packed >> 4;
    constexpr Wide kTenfoldMax = static_cast<Wide>(std::numeric_limits<Decimal::Units>::max()) / 10;
    for (auto scale = static_cast<int>(packed >> 1 & 7); scale < Decimal::kDecimals; ++scale) {
      if (mantissa > kTenfoldMax) throw Corrupt("a decimal is too large");
      mantissa *= 10;
    }
    const auto units = static_cast<Decimal::Units>(mantissa);
    value = Decimal::from_units((packed & 1) != 0 ? -units : units);
  }
}

/// A part whose presence a flag elsewhere tells.
template <class Archive, class T>
void part_if(Archive& archive, bool present, std::optional<T>& value) {
  if (!present) return;
  if constexpr (!Archive::kSaves) value.emplace();
  part(archive, *value);
}

/// A count, then the items. No memory is set aside for a count alone: each item read has cost input.
template <class Archive, class T>
void part(Archive& archive, std::vector<T>& items) {
  std::uint64_t count = items.size();
  varint(archive, count);
  if constexpr (Archive::kSaves) {
    for (T& item : items) part(archive, item);
  } else {
    if (count > archive.left.size()) throw Corrupt("a list is cut off");
    for (std::uint64_t i = 0; i < count; ++i) part(archive, items.emplace_back());
  }
}

template <class Archive, class T>
void part_if(Archive& archive, bool present, std::vector<T>& items) {
  if (present) part(archive, items);
}

/// One byte of yes and no, the first in the lowest bit.
template <class... Bits>
constexpr std::uint8_t flags(Bits... bits) {
  static_assert(sizeof...(bits) <= 8);
  unsigned all = 0;
  unsigned at = 0;
  ((all |= (bits ? 1U : 0U) << at++), ...);
  return static_cast<std::uint8_t>(all);
}

constexpr bool flag(std::uint8_t all, int bit) {
  return (all >> bit & 1) != 0;
}

}  // namespace tillsync::codec
