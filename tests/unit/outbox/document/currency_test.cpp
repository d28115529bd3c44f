#include "outbox/document/currency.h"

#include <doctest/doctest.h>

using tillsync::currency_decimals;

TEST_CASE("currency: minor units are those of ISO 4217") {
  CHECK(currency_decimals("GBP") == 2);
  CHECK(currency_decimals("EUR") == 2);
  CHECK(currency_decimals("JPY") == 0);
  CHECK(currency_decimals("BHD") == 3);
  CHECK(currency_decimals("CLF") == 4);
  CHECK(currency_decimals("AED") == 2);
  CHECK(currency_decimals("ZWG") == 2);
}

TEST_CASE("currency: what is no code has none") {
  for (const char* code : {"", "GB", "gbp", "GBPX", "XXX", "ZZZ", "AAA", "\xc2\xa3"}) {
    CAPTURE(code);
    CHECK_FALSE(currency_decimals(code).has_value());
  }
}
