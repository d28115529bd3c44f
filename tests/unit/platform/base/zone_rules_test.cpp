#include "platform/base/zone_rules.h"

#include <doctest/doctest.h>

#include "platform/service/places.h"

using namespace tillsync;
using namespace std::chrono_literals;
namespace c = std::chrono;

namespace {

ZoneRules rules_of(const std::string& zone) {
  auto rules = ZoneRules::parse(zone_rules(zone));
  REQUIRE(rules);
  return *std::move(rules);
}

c::sys_seconds at(c::year_month_day day, c::seconds time = 0s) {
  return c::sys_days(day) + time;
}

}  // namespace

TEST_CASE("zone rules: summer time begins and ends at its second, in years beyond the listed changes too") {
  const auto london = rules_of("Europe/London");
  // The last Sundays of March and October, at 01:00 UTC (the Summer Time Order 2002).
  for (const auto& [spring, autumn] : {std::pair{c::year(2026) / 3 / 29, c::year(2026) / 10 / 25},
                                       std::pair{c::year(2099) / 3 / 29, c::year(2099) / 10 / 25}}) {
    CHECK(london.offset_at(at(spring, 1h - 1s)) == 0s);
    CHECK(london.offset_at(at(spring, 1h)) == 1h);
    CHECK(london.offset_at(at(autumn, 1h - 1s)) == 1h);
    CHECK(london.offset_at(at(autumn, 1h)) == 0s);
  }
  CHECK(london.offset_at(at(c::year(1970) / 7 / 1)) == 1h);    // British Standard Time, 1968 to 1971
  CHECK(london.offset_at(at(c::year(1700) / 1 / 1)) == -75s);  // local mean time
}

TEST_CASE("zone rules: the south has its summer over the new year, and offsets need not be whole hours") {
  const auto auckland = rules_of("Pacific/Auckland");
  CHECK(auckland.offset_at(at(c::year(2060) / 1 / 1)) == 13h);
  CHECK(auckland.offset_at(at(c::year(2060) / 7 / 1)) == 12h);
  CHECK(rules_of("Asia/Kathmandu").offset_at(at(c::year(2026) / 1 / 1)) == 5h + 45min);
  CHECK(rules_of("Australia/Lord_Howe").offset_at(at(c::year(2080) / 1 / 1)) == 11h);
  CHECK(rules_of("Australia/Lord_Howe").offset_at(at(c::year(2080) / 7 / 1)) == 10h + 30min);
}

TEST_CASE("zone rules: yearly rules in each of their three forms") {
  const auto rule = YearlyRule::parse("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1");  // Nuuk: from the evening before
  REQUIRE(rule);
  CHECK(rule->standard == -3h);
  CHECK(rule->summer == -2h);
  CHECK(rule->begins->in(c::year(2026)) == at(c::year(2026) / 3 / 28, 22h));
  const auto counted = YearlyRule::parse("AAA-1BBB,J60/0,365/24");
  REQUIRE(counted);
  CHECK(counted->begins->in(c::year(2028)) == at(c::year(2028) / 3 / 1));  // 29 February is not counted
  CHECK(counted->begins->in(c::year(2026)) == at(c::year(2026) / 3 / 1));
  CHECK(counted->ends->in(c::year(2028)) == at(c::year(2029) / 1 / 1));
  CHECK(YearlyRule::parse("UTC0")->offset_at(at(c::year(2026) / 7 / 1)) == 0s);
}

TEST_CASE("zone rules: what is not whole is refused") {
  const std::string whole = zone_rules("Europe/London");
  REQUIRE(ZoneRules::parse(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(ZoneRules::parse(whole.substr(0, size)));
  std::string huge = whole;
  for (std::size_t i = 20; i < 44; ++i) huge[i] = '\xff';
  CHECK_FALSE(ZoneRules::parse(huge));
  for (const char* text : {"", "A0", "AAA", "AAA1BBB", "AAA1BBB,M3.5.0", "AAA1BBB,M13.1.0,M1.1.0",
                           "AAA1BBB,J0,J1", "AAA1 ", "<AA1", "AAA168"})
    CHECK_FALSE_MESSAGE(YearlyRule::parse(text), text);
}
