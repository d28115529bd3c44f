#include "outbox/document/card_number.h"

#include <doctest/doctest.h>

#include <string>

using tillsync::holds_card_number;

TEST_CASE("card number: the schemes' published test numbers are found") {
  for (const char* number :
       {"4111111111111111", "4012888888881881", "4222222222222",    "4242424242424242", "5555555555554444",
        "5105105105105100", "2221000000000009", "2720990000000007", "378282246310005",  "371449635398431",
        "6011111111111117", "6011000990139424", "30569309025904",   "38520000023237",   "36227206271667",
        "3530111333300000", "3566002020360505", "6200000000000005", "6759649826438453", "2200000000000004"}) {
    CAPTURE(number);
    CHECK(holds_card_number(number));
    CHECK(holds_card_number(std::string("paid with ") + number + ", thanks"));
    CHECK(holds_card_number(std::string("PAN") + number + "x"));
  }
}

TEST_CASE("card number: groups set apart by blanks or dashes are found") {
  for (const char* text :
       {"4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005", "4111  1111   1111 - 1111",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4111\t1111\t1111\t1111", "4111\u00a01111\u00a01111\u00a01111",
        "4111\u20091111\u202f1111\u20071111", "4111\u20101111\u20131111\u22121111",
        "order 12 4111 1111 1111 1111", "4111 1111 1111 1111 12/29", "4111 1111 1111 1111 123",
        "1 2 3 4 5 6 7 8 9 4111 1111 1111 1111 0 1 2"}) {
    CAPTURE(text);
    CHECK(holds_card_number(text));
  }
}

TEST_CASE("card number: what only resembles one is let pass") {
  for (const char* text :
       {"", "4111111111111112", "4111 1111 1111 1112", "1111111111111117",
        "0000000000000000",                                  // Luhn, prefix
        "411111111111111", "41111111111111111",              // length
        "x41111111111111110000", "00041111111111111111111",  // part of a longer run
        "4111    1111 1111 1111", "4111.1111.1111.1111", "4111/1111/1111/1111", "4111, 1111, 1111, 1111",
        "2026-11-23T09:15:00.123456789+01:00", "+44 20 7946 0958", "85123A", "4006381333931"}) {
    CAPTURE(text);
    CHECK_FALSE(holds_card_number(text));
  }
}

TEST_CASE("card number: a UUID is none, though its digits may look like one") {
  CHECK_FALSE(holds_card_number("aaaaaaaa-bbbb-4ccc-4111-111111111111"));
  CHECK_FALSE(holds_card_number("id 12345678-4111-1111-1111-1111abcdefab."));
  CHECK(holds_card_number("xaaaaaaaa-bbbb-4ccc-4111-111111111111"));
  CHECK(holds_card_number("aaaaaaaa-bbbb-4ccc-4111-111111111111 4111111111111111"));
}

TEST_CASE("card number: every kind of long text is looked through in good time") {
  CHECK_FALSE(holds_card_number(std::string(1'000'000, '4')));
  std::string digits;
  for (int i = 0; i < 500'000; ++i) digits += "4 ";
  CHECK(holds_card_number(digits + "4111 1111 1111 1111"));
  CHECK(holds_card_number(std::string(1'000'000, 'x') + "4111111111111111"));
}
