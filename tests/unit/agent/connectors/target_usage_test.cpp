#include "agent/connectors/target_usage.h"

#include <doctest/doctest.h>

using namespace tillsync;
using std::chrono::seconds;

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

std::optional<LimitLeft> burst_of(Headers headers) {
  http::Answer answer;
  answer.status = 200;
  answer.headers = std::move(headers);
  const LimitsLeft left = limits_told(answer);
  CHECK_FALSE(left.day.has_value());
  return left.burst;
}

std::optional<LimitLeft> by_policy(const std::string& value) {
  return burst_of({{"ratelimit", value}});
}

}  // namespace

TEST_CASE("limits told: the three headers of the draft, and those with an X") {
  CHECK(burst_of({}) == std::nullopt);
  CHECK(burst_of(
            {{"date", "x"}, {"retry-after", "7"}, {"x-request-id", "1"}, {"ratelimit-policy", "10;w=1"}}) ==
        std::nullopt);
  CHECK(burst_of({{"ratelimit-limit", "100"}, {"ratelimit-remaining", "50"}, {"ratelimit-reset", "30"}}) ==
        LimitLeft{50, seconds(30)});
  CHECK(burst_of({{"x-ratelimit-reset", " 2.5 "}, {"x-ratelimit-remaining", " 0 "}}) ==
        LimitLeft{0, seconds(2)});
  CHECK(burst_of({{"x-ratelimit-remaining", "7"}}) == LimitLeft{7, std::nullopt});
  CHECK(burst_of({{"x-ratelimit-reset", "7"}}) == std::nullopt);
}

TEST_CASE("limits told: a reset that is a time of day is left out, for no store's clock is trusted") {
  CHECK(burst_of({{"x-ratelimit-remaining", "7"}, {"x-ratelimit-reset", "1732600000"}}) ==
        LimitLeft{7, std::nullopt});
  CHECK(burst_of({{"x-ratelimit-remaining", "7"}, {"x-ratelimit-reset", "86400"}}) ==
        LimitLeft{7, kResetsMax});
  CHECK(burst_of({{"x-ratelimit-remaining", "7"}, {"x-ratelimit-reset", "86401"}}) ==
        LimitLeft{7, std::nullopt});
}

TEST_CASE("limits told: the one header RateLimit, in both its forms") {
  CHECK(by_policy("\"default\";r=50;t=30") == LimitLeft{50, seconds(30)});
  CHECK(by_policy("\"a\";r=50;t=30, \"b;r=1,t\";r=9;pk=:c3RvcmU=:") == LimitLeft{9, std::nullopt});
  CHECK(by_policy("default;r=1, other;r=0;t=5") == LimitLeft{0, seconds(5)});
  CHECK(by_policy("limit=100, remaining=50, reset=30") == LimitLeft{50, seconds(30)});
  CHECK(by_policy("\"default\";t=30") == std::nullopt);
}

TEST_CASE("limits told: what is no number says nothing") {
  CHECK(burst_of({{"ratelimit-remaining", "5, 5"}}) == std::nullopt);  // two headers of the name
  for (const char* text : {"", "-1", "+1", "1e3", "many", ".5", "1.x", "1234567890123456"}) {
    CAPTURE(text);
    CHECK(burst_of({{"ratelimit-remaining", text}}) == std::nullopt);
    CHECK(by_policy("\"a\";r=" + std::string(text)) == std::nullopt);
  }
  for (const char* text : {";", ",", "=", "\"", "\"a", "\"a\";", ";;,,==", "r", "r=;r==1"}) {
    CAPTURE(text);
    CHECK(by_policy(text) == std::nullopt);
  }
  CHECK(burst_of({{"ratelimit-remaining", "999999999999999"}}) == LimitLeft{kRequestsLeftMax, std::nullopt});
}

TEST_CASE("usage: requests add up, and of each limit the last word counts") {
  TargetUsage usage;
  usage.add({2, {LimitLeft{5, {}}, LimitLeft{100, {}}}});
  usage.add({1, {LimitLeft{4, {}}, std::nullopt}});
  CHECK(usage.requests == 3);
  CHECK(usage.left == LimitsLeft{LimitLeft{4, {}}, LimitLeft{100, {}}});
  std::vector<Outcome> outcomes(2);
  outcomes[1].requests = 9;
  charge(outcomes, usage);
  CHECK(outcomes[0].requests == 3);
  CHECK(outcomes[0].left == usage.left);
  CHECK(outcomes[1].requests == 0);
  CHECK(outcomes[1].left == LimitsLeft{});
}
