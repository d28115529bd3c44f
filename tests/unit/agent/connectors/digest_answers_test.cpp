#include "agent/connectors/digest_answers.h"

#include <doctest/doctest.h>

#include "reconcile/central_view/read_back_port.h"

using namespace tillsync;

namespace {

const BusinessDay kFrom = BusinessDay::parse("2026-11-01").value();
const BusinessDay kTo = BusinessDay::parse("2026-11-30").value();

}  // namespace

TEST_CASE("digest answers: days and parts come back as central gave them") {
  const auto days =
      parse_digest_days(R"({"days":[{"business_day":"2026-11-23","count":2,"sums":[8589934590,0,1,2]},)"
                        R"({"business_day":"2026-11-01","count":0,"sums":[0,0,0,0],"more":true}]})",
                        kFrom, kTo);
  REQUIRE(days.has_value());
  REQUIRE(days->size() == 2);
  CHECK(days->at(BusinessDay::parse("2026-11-23").value()) == RangeSum{2, {8589934590, 0, 1, 2}});
  CHECK(days->at(kFrom) == RangeSum{});
  CHECK(parse_digest_days(R"({"days":[]})", kFrom, kTo)->empty());

  const auto parts = parse_digest_parts(R"({"parts":[{"prefix":"0a","count":1,"sums":[1,2,3,4]}]})");
  REQUIRE(parts.has_value());
  REQUIRE(parts->size() == 1);
  CHECK(parts->front().first == KeyPrefix::parse("0a"));
  CHECK(parts->front().second == RangeSum{1, {1, 2, 3, 4}});
}

TEST_CASE("digest answers: what is no digest is refused, and the message names what is wrong") {
  const std::pair<const char*, const char*> days[] = {
      {"", "not as the reference profile"},
      {"<html>", "not as the reference profile"},
      {"[]", "`days` must be an array"},
      {R"({"documents":[]})", "`days` must be an array"},
      {R"({"days":[7]})", "days[0].business_day"},
      {R"({"days":[{"business_day":"2026-11-31"}]})", "days[0].business_day must be a day"},
      {R"({"days":[{"business_day":"2026-12-01","count":1,"sums":[1,1,1,1]}]})", "was not asked for"},
      {R"({"days":[{"business_day":"2026-11-01","sums":[0,0,0,0]}]})", "days[0].count"},
      {R"({"days":[{"business_day":"2026-11-01","count":-1,"sums":[0,0,0,0]}]})", "days[0].count"},
      {R"({"days":[{"business_day":"2026-11-01","count":2097153,"sums":[0,0,0,0]}]})", "days[0].count"},
      {R"({"days":[{"business_day":"2026-11-01","count":"1","sums":[0,0,0,0]}]})", "days[0].count"},
      {R"({"days":[{"business_day":"2026-11-01","count":1}]})", "days[0].sums"},
      {R"({"days":[{"business_day":"2026-11-01","count":1,"sums":[1,1,1]}]})", "days[0].sums"},
      {R"({"days":[{"business_day":"2026-11-01","count":1,"sums":[1,1,1,-1]}]})", "days[0].sums"},
      {R"({"days":[{"business_day":"2026-11-01","count":1,"sums":[1,1,1,4294967296]}]})", "days[0].sums"},
      {R"({"days":[{"business_day":"2026-11-01","count":1,"sums":[1,1,1,1.5]}]})", "days[0].sums"},
      {R"({"days":[{"business_day":"2026-11-01","count":0,"sums":[0,0,0,0]},{"business_day":"2026-11-01","count":0,"sums":[0,0,0,0]}]})",
       "days[1].business_day comes twice"},
  };
  for (const auto& item : days) {
    const auto& text = item.first;
    const auto& message = item.second;
    CAPTURE(text);
    const auto answer = parse_digest_days(text, kFrom, kTo);
    REQUIRE(answer.has_error());
    CHECK(answer.error().code == kDigestShape);
    INFO(answer.error().detail);
    CHECK(answer.error().detail.find(message) != std::string::npos);
  }
  const std::pair<const char*, const char*> parts[] = {
      {R"({"days":[]})", "`parts` must be an array"},
      {R"({"parts":[{"count":1,"sums":[1,2,3,4]}]})", "parts[0].prefix"},
      {R"({"parts":[{"prefix":"0A","count":1,"sums":[1,2,3,4]}]})", "parts[0].prefix"},
      {R"({"parts":[{"prefix":"0123456789abc","count":1,"sums":[1,2,3,4]}]})", "parts[0].prefix"},
      {R"({"parts":[{"prefix":10,"count":1,"sums":[1,2,3,4]}]})", "parts[0].prefix"},
      {R"({"parts":[{"prefix":"0a","count":1,"sums":[]}]})", "parts[0].sums"},
  };
  for (const auto& item : parts) {
    const auto& text = item.first;
    const auto& message = item.second;
    CAPTURE(text);
    const auto answer = parse_digest_parts(text);
    REQUIRE(answer.has_error());
    CHECK(answer.error().code == kDigestShape);
    INFO(answer.error().detail);
    CHECK(answer.error().detail.find(message) != std::string::npos);
  }
}
