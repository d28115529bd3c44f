#include "outbox/document/gtin.h"

#include <doctest/doctest.h>

#include <string>

using tillsync::is_valid_gtin;

TEST_CASE("gtin: numbers of every length with a right check digit are valid") {
  for (const char* gtin :
       {"96385074", "614141999996", "036000291452", "4006381333931", "6291041500213", "10614141543219"}) {
    CAPTURE(gtin);
    CHECK(is_valid_gtin(gtin));
  }
}

TEST_CASE("gtin: any other last digit is wrong") {
  const std::string gtin = "4006381333931";
  for (char digit = '0'; digit <= '9'; ++digit)
    CHECK(is_valid_gtin(gtin.substr(0, 12) + digit) == (digit == '1'));
}

TEST_CASE("gtin: other lengths and characters are wrong") {
  for (const char* gtin : {"", "0", "0000000", "000000000", "0000000000", "00000000000", "000000000000000",
                           "400638133393X", "4006381 33931"}) {
    CAPTURE(gtin);
    CHECK_FALSE(is_valid_gtin(gtin));
  }
}
