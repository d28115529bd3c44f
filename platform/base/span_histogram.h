// How long things took, in bounded memory: counts in buckets whose width grows with the span (log-linear), so
// that any percentile is known to 1/64 of itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace tillsync {

class SpanHistogram {
 public:
  using Span = std::chrono::milliseconds;
  /// Wall clocks jump: what took less than nothing or longer than this is no measurement, and counted apart.
  static constexpr Span kLongest = std::chrono::hours(24 * 400);

  void add(Span span);
  void add(const SpanHistogram& other);
  std::int64_t count() const { return count_; }
  std::int64_t implausible() const { return implausible_; }
  Span sum() const { return sum_; }
  /// How many took no longer than `bound`; those within 1/64 below it may be left out.
  std::int64_t count_within(Span bound) const;
  /// The least span that at least `percent` (1 to 100) of all do not exceed: never less than the true one,
  /// and above it by at most 1/64. Nothing where nothing was counted.
  std::optional<Span> percentile(int percent) const;

 private:
  std::vector<std::int64_t> buckets_;  // grows to the longest that came; at most 2 K
  std::int64_t count_ = 0;
  std::int64_t implausible_ = 0;
  Span longest_{0};
  Span sum_{0};
};

}  // namespace tillsync
