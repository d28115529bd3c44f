// Central's digests: what is taken keeps to what sums and prefixes can be, and adds up without overflow.
#include "agent/connectors/digest_answers.h"
#include "tests/fuzz/support.h"

namespace tillsync::fuzz {
namespace {

void check_sum(const RangeSum& sum) {
  FUZZ_CHECK(sum.count >= 0 && sum.count <= kDigestRowsMax, "a count is bounded");
  for (const std::int64_t one : sum.sums)
    FUZZ_CHECK(one >= 0 && one <= sum.count * 0xffffffffLL, "a sum is one of so many words");
}

void check(std::string_view text) {
  const BusinessDay from = *BusinessDay::parse("2026-11-01"), to = *BusinessDay::parse("2026-11-30");
  if (const auto days = parse_digest_days(text, from, to)) {
    for (const auto& [day, sum] : *days) {
      FUZZ_CHECK(day >= from && day <= to, "a day was asked for");
      check_sum(sum);
    }
  } else {
    check_error(days.error());
  }
  if (const auto parts = parse_digest_parts(text)) {
    for (const auto& [range, sum] : *parts) {
      FUZZ_CHECK(KeyPrefix::parse(range.text()) == range, "a prefix is its digits");
      FUZZ_CHECK(range.first() <= range.last(), "a range has keys");
      check_sum(sum);
    }
  } else {
    check_error(parts.error());
  }
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillsync::fuzz::check(tillsync::fuzz::text_of(data, size));
  return 0;
}
