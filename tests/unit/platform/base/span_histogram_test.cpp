#include "platform/base/span_histogram.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace tillsync;
using Span = SpanHistogram::Span;

TEST_CASE("span histogram: a percentile is never below the true one, and at most 1/64 above it") {
  std::uint64_t state = 7;
  for (int round = 0; round < 50; ++round) {
    SpanHistogram histogram;
    std::vector<std::int64_t> spans;
    for (int i = 0; i < 500; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      // Of every size: from milliseconds to months.
      const auto span =
          static_cast<std::int64_t>((state >> 20) % (std::uint64_t{1} << (1 + (state >> 58) % 34)));
      spans.push_back(span);
      histogram.add(Span(span));
    }
    std::sort(spans.begin(), spans.end());
    for (const int percent : {1, 50, 95, 99, 100}) {
      CAPTURE(percent);
      const std::int64_t exact = spans[static_cast<std::size_t>((500 * percent + 99) / 100 - 1)];
      const std::int64_t told = histogram.percentile(percent)->count();
      CHECK(told >= exact);
      CHECK(told <= exact + exact / 64);
    }
    CHECK(histogram.percentile(100)->count() == spans.back());
  }
}

TEST_CASE("span histogram: what a jumping clock makes of a span is counted apart") {
  SpanHistogram histogram;
  CHECK(!histogram.percentile(50).has_value());
  histogram.add(Span(-1));
  histogram.add(SpanHistogram::kLongest + Span(1));
  CHECK(histogram.count() == 0);
  CHECK(histogram.implausible() == 2);
  histogram.add(Span(0));
  CHECK(histogram.percentile(99) == Span(0));
}

TEST_CASE("span histogram: two together are as one that saw all; the sum is exact") {
  SpanHistogram one, other, all;
  for (int i = 0; i < 1'000; ++i) {
    (i % 3 == 0 ? one : other).add(Span(i * i));
    all.add(Span(i * i));
  }
  one.add(other);
  CHECK(one.count() == 1'000);
  CHECK(one.sum() == all.sum());
  for (const int percent : {10, 50, 95}) CHECK(one.percentile(percent) == all.percentile(percent));
  CHECK(one.count_within(Span(999 * 999)) == 1'000);
  CHECK(one.count_within(Span(100)) == 11);  // 0 to 10, each in a bucket of its own
  CHECK(one.count_within(Span(-1)) == 0);
}
