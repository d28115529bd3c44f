#include "platform/base/span_histogram.h"

#include <algorithm>
#include <bit>

namespace tillsync {
namespace {

constexpr unsigned kLinearBits = 6;  // each doubling of the span is cut in 64 equal parts
constexpr std::uint64_t kLinear = std::uint64_t{1} << kLinearBits;

/// Spans below 128 have a bucket each; from there on 64 to each doubling.
std::size_t bucket_of(std::uint64_t span) {
  if (span < 2 * kLinear) return static_cast<std::size_t>(span);
  const unsigned shift = static_cast<unsigned>(std::bit_width(span)) - kLinearBits - 1;
  return static_cast<std::size_t>(shift * kLinear + (span >> shift));
}

/// The longest span of a bucket.
std::uint64_t end_of(std::size_t bucket) {
  if (bucket < 2 * kLinear) return bucket;
  const std::uint64_t shift = bucket / kLinear - 1;
  const std::uint64_t mantissa = bucket - shift * kLinear;
  return ((mantissa + 1) << shift) - 1;
}

}  // namespace

void SpanHistogram::add(Span span) {
  if (span < Span::zero() || span > kLongest) {
    ++implausible_;
    return;
  }
  const std::size_t bucket = bucket_of(static_cast<std::uint64_t>(span.count()));
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
  ++buckets_[bucket];
  ++count_;
  longest_ = std::max(longest_, span);
  sum_ += span;
}

void SpanHistogram::add(const SpanHistogram& other) {
  if (other.buckets_.size() > buckets_.size()) buckets_.resize(other.buckets_.size());
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  implausible_ += other.implausible_;
  longest_ = std::max(longest_, other.longest_);
  sum_ += other.sum_;
}

std::int64_t SpanHistogram::count_within(Span bound) const {
  if (bound < Span::zero()) return 0;
  if (bound >= longest_) return count_;
  std::int64_t within = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    if (end_of(bucket) > static_cast<std::uint64_t>(bound.count())) break;
    within += buckets_[bucket];
  }
  return within;
}

std::optional<SpanHistogram::Span> SpanHistogram::percentile(int percent) const {
  if (count_ == 0) return std::nullopt;
  const std::int64_t wanted = std::max<std::int64_t>(1, (count_ * percent + 99) / 100);
  std::int64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted) return std::min(longest_, Span(static_cast<std::int64_t>(end_of(bucket))));
  }
  return longest_;
}

}  // namespace tillsync
