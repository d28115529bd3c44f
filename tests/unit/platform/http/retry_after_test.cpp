#include <doctest/doctest.h>

#include "platform/http/client.h"

using namespace tillsync::http;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {
milliseconds read(std::string value, std::string date = "") {
  Answer answer;
  answer.headers.emplace_back("retry-after", std::move(value));
  if (!date.empty()) answer.headers.emplace_back("date", std::move(date));
  return retry_after(answer, milliseconds(7));
}
}  // namespace

TEST_CASE("retry-after: seconds are taken, at most an hour") {
  CHECK(read("0") == seconds(0));
  CHECK(read("120") == seconds(120));
  CHECK(read("3600") == seconds(3600));
  CHECK(read("3601") == seconds(3600));
  CHECK(read("99999999999999999999999") == seconds(3600));
}

TEST_CASE("retry-after: a date counts from the answer's own date, whatever this machine's clock says") {
  CHECK(read("Sun, 06 Nov 1994 08:50:07 GMT", "Sun, 06 Nov 1994 08:49:37 GMT") == seconds(30));
  CHECK(read("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:07 GMT") == seconds(0));
  CHECK(read("Mon, 07 Nov 2094 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT") == seconds(3600));
}

TEST_CASE("retry-after: without a value that can be read the caller's own stands") {
  CHECK(retry_after(Answer{}, milliseconds(7)) == milliseconds(7));
  CHECK(read("soon") == milliseconds(7));
  CHECK(read("-5") == milliseconds(7));
  CHECK(read("1.5") == milliseconds(7));
  CHECK(read("Sun, 06 Nov 1994 08:50:07 GMT") == milliseconds(7));
  CHECK(read("Sun, 06 Nov 1994 08:50:07 GMT", "yesterday") == milliseconds(7));
}
