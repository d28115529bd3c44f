#include "platform/base/decimal.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cstdlib>

using tillsync::Decimal;

namespace {
Decimal dec(std::string_view text) {
  return Decimal::parse(text, Decimal::kDecimals).value();
}
/// A decimal of so many units of 10^-decimals.
Decimal scaled(std::int64_t units, int decimals) {
  Decimal::Units result = units;
  for (int i = decimals; i < Decimal::kDecimals; ++i) result *= 10;
  return Decimal::from_units(result);
}
}  // namespace

TEST_CASE("decimal: text of every ordinary form is read exactly") {
  CHECK(dec("0").is_zero());
  CHECK(dec("2.5") == dec("2.50"));
  CHECK(dec("-3.25").is_negative());
  CHECK(dec("-0.00").is_zero());
  CHECK_FALSE(dec("-0.00").is_negative());
  CHECK(dec("0.0000001").units() == 1);
  CHECK(dec("999999999999999.9999999").text() == "999999999999999.9999999");
  CHECK(dec("-999999999999999.9999999").text() == "-999999999999999.9999999");
}

TEST_CASE("decimal: anything but digits and a point is refused with a cure") {
  for (const char* text : {"",   "-",  "+1",    "1.",  ".5",    "1e3", "1E3", " 1",    "1 ",   "1,5",
                           "01", "00", "-01.5", "--1", "1.2.3", "0x1", "NaN", "1_000", "1.-5", "١"}) {
    CAPTURE(text);
    const auto result = Decimal::parse(text, 4);
    REQUIRE(result.has_error());
    CHECK(result.error().kind == tillsync::ErrorKind::kInvalid);
    CHECK(result.error().detail.find("such as \"12.5\"") != std::string::npos);
  }
}

TEST_CASE("decimal: decimals beyond the limit are refused, trailing zeros count") {
  CHECK(Decimal::parse("1.2345", 4).has_value());
  CHECK(Decimal::parse("1.23456", 4).has_error());
  CHECK(Decimal::parse("1.00000", 4).has_error());
  CHECK(Decimal::parse("1.0", 0).has_error());
  CHECK(Decimal::parse("1.00000001", 9).has_error());
}

TEST_CASE("decimal: more than 15 digits in front of the point are refused") {
  CHECK(Decimal::parse("999999999999999", 4).has_value());
  CHECK(Decimal::parse("1000000000000000", 4).has_error());
  CHECK(Decimal::parse(std::string(100'000, '9'), 4).has_error());
}

TEST_CASE("decimal: text is the shortest with at least the decimals asked for") {
  CHECK(dec("2.5").text() == "2.5");
  CHECK(dec("2.5").text(2) == "2.50");
  CHECK(dec("2.555").text(2) == "2.555");
  CHECK(dec("100").text() == "100");
  CHECK(dec("100").text(2) == "100.00");
  CHECK(dec("-0.5").text(0) == "-0.5");
  CHECK(Decimal().text(2) == "0.00");
  CHECK(dec("1").text(99) == "1.0000000");
}

TEST_CASE("decimal: rounding is half away from zero") {
  CHECK(dec("2.345").rounded(2) == dec("2.35"));
  CHECK(dec("2.3449999").rounded(2) == dec("2.34"));
  CHECK(dec("-2.345").rounded(2) == dec("-2.35"));
  CHECK(dec("-2.344").rounded(2) == dec("-2.34"));
  CHECK(dec("0.5").rounded(0) == dec("1"));
  CHECK(dec("1.23").rounded(7) == dec("1.23"));
}

TEST_CASE("decimal: a minor unit is one of the currency's smallest coins") {
  CHECK(Decimal::minor_unit(2) == dec("0.01"));
  CHECK(Decimal::minor_unit(0) == dec("1"));
}

TEST_CASE("decimal: the largest amount times the largest quantity does not overflow") {
  CHECK((dec("999999999999999.9999") * dec("999999999999999.999")).text() ==
        "999999999999999998900000000000.0000001");
  CHECK((dec("-999999999999999.9999") * dec("999999999999999")).text() ==
        "-999999999999998999900000000000.0001");
  CHECK((dec("999999999999999") * Decimal()).is_zero());
}

TEST_CASE("decimal: sums, differences and products agree with integers") {
  CHECK(rc::check("decimal arithmetic is integer arithmetic", [] {
    const auto a = *rc::gen::inRange<std::int64_t>(-1'000'000'000, 1'000'000'000);
    const auto b = *rc::gen::inRange<std::int64_t>(-1'000'000'000, 1'000'000'000);
    RC_ASSERT(scaled(a, 4) + scaled(b, 4) == scaled(a + b, 4));
    RC_ASSERT(scaled(a, 4) - scaled(b, 4) == scaled(a - b, 4));
    RC_ASSERT(scaled(a, 4) * scaled(b, 3) == scaled(a * b, 7));
    RC_ASSERT(-scaled(a, 2) == scaled(-a, 2));
    RC_ASSERT(scaled(a, 2).abs() == scaled(std::abs(a), 2));
    RC_ASSERT((scaled(a, 3) < scaled(b, 3)) == (a < b));
  }));
}

TEST_CASE("decimal: text read back is the same number") {
  CHECK(rc::check("parse(text) is the identity", [] {
    const auto units = *rc::gen::arbitrary<std::int64_t>();
    const auto decimals_min = *rc::gen::inRange(0, 8);
    const Decimal number = Decimal::from_units(units);
    RC_ASSERT(dec(number.text(decimals_min)) == number);
  }));
}

TEST_CASE("decimal: rounding moves by half a step at most and lands on the step") {
  CHECK(rc::check("rounded is near and on the grid", [] {
    const Decimal number = Decimal::from_units(*rc::gen::arbitrary<std::int64_t>());
    const auto decimals = *rc::gen::inRange(0, 7);
    const Decimal rounded = number.rounded(decimals);
    const Decimal moved = (rounded - number).abs();
    RC_ASSERT(moved + moved <= Decimal::minor_unit(decimals));
    RC_ASSERT(rounded.units() % Decimal::minor_unit(decimals).units() == 0);
  }));
}
