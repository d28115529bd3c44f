// Strong types for what would otherwise be a bare string or integer.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace tillsync {

/// A record's place in the journal: 1, 2, 3, ... without holes at writing. It alone orders (I5). 0: before
/// the first.
struct Sequence {
  std::int64_t value = 0;
  auto operator<=>(const Sequence&) const = default;
};

/// One delivery: a document (by its journal sequence) and a step of its plan. Text form "SEQUENCE:STEP".
struct DeliveryKey {
  Sequence document;
  std::string step;
  auto operator<=>(const DeliveryKey&) const = default;
};

}  // namespace tillsync

template <>
struct std::hash<tillsync::Sequence> {
  std::size_t operator()(const tillsync::Sequence& s) const noexcept {
    return std::hash<std::int64_t>{}(s.value);
  }
};
template <>
struct std::hash<tillsync::DeliveryKey> {
  std::size_t operator()(const tillsync::DeliveryKey& k) const noexcept {
    return std::hash<std::int64_t>{}(k.document.value) * 1099511628211ULL ^ std::hash<std::string>{}(k.step);
  }
};
