#include "platform/base/time.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace tillsync;
using namespace std::chrono_literals;

namespace {
OffsetTime at(std::string_view text) {
  return OffsetTime::parse(text).value();
}
std::chrono::sys_seconds seconds_of(std::string_view text) {
  return std::chrono::floor<std::chrono::seconds>(at(text).utc);
}
std::string utc_of(std::string_view text) {
  return format_utc(std::chrono::floor<std::chrono::microseconds>(at(text).utc));
}
BusinessCalendar calendar(std::string_view zone, std::chrono::minutes day_starts_at) {
  return BusinessCalendar(TimeZone::find(zone).value(), day_starts_at);
}
std::string day(const BusinessCalendar& store, std::string_view time) {
  return store.day_of(seconds_of(time)).text();
}
}  // namespace

TEST_CASE("time: RFC 3339 is read and written back") {
  for (const char* text : {"2026-11-23T09:00:00Z", "2026-11-23T09:00:00.5+01:00",
                           "2026-11-23T23:59:59.123456789-09:30", "1700-01-01T00:00:00Z",
                           "2200-12-31T23:59:59Z", "1969-12-31T23:59:59.25Z", "2024-02-29T00:00:00+14:00"}) {
    CAPTURE(text);
    CHECK(at(text).text() == text);
  }
}

TEST_CASE("time: equal spellings of an instant are one value") {
  CHECK(at("2026-11-23t09:00:00z") == at("2026-11-23T09:00:00.000+00:00"));
  CHECK(at("2026-11-23T09:00:00-00:00").text() == "2026-11-23T09:00:00Z");
  CHECK(at("2026-11-23T10:00:00+01:00").utc == at("2026-11-23T09:00:00Z").utc);
  CHECK(at("2026-11-23T10:00:00+01:00") != at("2026-11-23T09:00:00Z"));
}

TEST_CASE("time: a leap second is the next second") {
  CHECK(at("2016-12-31T23:59:60Z").text() == "2017-01-01T00:00:00Z");
  CHECK(at("2016-12-31T23:59:60.5Z").text() == "2017-01-01T00:00:00.5Z");
}

TEST_CASE(
    "time: a leap second that leads out of the years taken is refused, since its text could not be read") {
  for (const char* text :
       {"2200-12-31T23:59:60Z", "2200-12-31T23:59:60-23:59", "2200-12-31T23:59:60.5+01:00"}) {
    CAPTURE(text);
    CHECK(OffsetTime::parse(text).has_error());
  }
  CHECK(OffsetTime::parse("2200-12-31T23:59:59.999999999-23:59").has_value());
}

TEST_CASE("time: what is no RFC 3339 time is refused with a cure") {
  for (const char* text : {"",
                           "2026-11-23",
                           "2026-11-23T09:00:00",
                           "2026-11-23T09:00:00.5",
                           "2026-11-23 09:00:00Z",
                           "2026-11-23T09:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-11-23T24:00:00Z",
                           "2026-11-23T09:60:00Z",
                           "2026-11-23T09:00:61Z",
                           "2026-11-23T09:00:00.Z",
                           "2026-11-23T09:00:00.1234567890Z",
                           "2026-11-23T09:00:00+0100",
                           "2026-11-23T09:00:00+24:00",
                           "2026-11-23T09:00:00+01:60",
                           "2026-11-23T09:00:00Z ",
                           "1699-12-31T00:00:00Z",
                           "2201-01-01T00:00:00Z",
                           "20261123T090000Z",
                           "2026-11-23T09:00:00,5Z",
                           "+026-11-23T09:00:00Z",
                           "2026-11-23T09:00:00Zulu"}) {
    CAPTURE(text);
    const auto result = OffsetTime::parse(text);
    REQUIRE(result.has_error());
    CHECK(result.error().kind == ErrorKind::kInvalid);
    CHECK(result.error().detail.find("write RFC 3339 with an offset") != std::string::npos);
  }
}

TEST_CASE("time: a recorded instant has milliseconds and is rounded down, before 1970 too") {
  CHECK(utc_of("2026-11-23T09:00:00.123999Z") == "2026-11-23T09:00:00.123Z");
  CHECK(utc_of("1969-12-31T23:59:59.9999Z") == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("time: any instant with any offset survives text") {
  CHECK(rc::check("parse(text) is the identity", [] {
    OffsetTime time;
    // 1703 to 2196
    time.utc = std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::nanoseconds(
        *rc::gen::inRange<std::int64_t>(-8'425'000'000'000'000'000, 7'150'000'000'000'000'000)));
    time.offset = std::chrono::minutes(*rc::gen::inRange(-1439, 1440));
    RC_ASSERT(OffsetTime::parse(time.text()).value() == time);
  }));
}

TEST_CASE("business day: a date, nothing else") {
  CHECK(BusinessDay::parse("2026-11-23").value().text() == "2026-11-23");
  for (const char* text :
       {"", "2026-1-1", "2026-02-30", "2026-11-23T00:00:00Z", "23.11.2026", "2026-11-2a", "1600-01-01"}) {
    CAPTURE(text);
    CHECK(BusinessDay::parse(text).has_error());
  }
}

TEST_CASE("business calendar: a sale before the cut-over belongs to the day before") {
  const auto london = calendar("Europe/London", 4h);
  CHECK(day(london, "2026-11-23T03:59:59Z") == "2026-11-22");
  CHECK(day(london, "2026-11-23T04:00:00Z") == "2026-11-23");
  CHECK(day(calendar("Europe/London", 0min), "2026-11-23T00:00:00Z") == "2026-11-23");
}

TEST_CASE("business calendar: summer time moves the cut-over with the store's clock") {
  const auto london = calendar("Europe/London", 4h);
  CHECK(day(london, "2026-07-01T02:59:59Z") == "2026-06-30");
  CHECK(day(london, "2026-07-01T03:00:00Z") == "2026-07-01");
  // 25 October 2026: the clock goes back at 01:00 UTC; the day of 25 hours stays one day.
  CHECK(day(london, "2026-10-25T03:59:59Z") == "2026-10-24");
  CHECK(day(london, "2026-10-25T04:00:00Z") == "2026-10-25");
}

TEST_CASE("business calendar: zones far from UTC count their own days") {
  CHECK(day(calendar("Pacific/Auckland", 0min), "2026-11-22T12:00:00Z") == "2026-11-23");
  CHECK(day(calendar("Pacific/Honolulu", 0min), "2026-11-23T09:00:00Z") == "2026-11-22");
  CHECK(day(calendar("Asia/Kathmandu", 0min), "2026-11-22T18:15:00Z") == "2026-11-23");
}

TEST_CASE("time zone: a name that the database has not is refused with a cure") {
  const auto zone = TimeZone::find("Europe/Lodnon");
  REQUIRE(zone.has_error());
  CHECK(zone.error().kind == ErrorKind::kInvalid);
  CHECK(zone.error().detail.find("Europe/Lodnon") != std::string::npos);
  CHECK(zone.error().detail.find("tzdata") != std::string::npos);
}

TEST_CASE("clock: the machine's clocks go on") {
  const SystemClock clock;
  const auto steady = clock.steady_now();
  CHECK(clock.steady_now() >= steady);
  CHECK(clock.utc_now() > std::chrono::sys_days(std::chrono::year(2024) / 1 / 1));
}
