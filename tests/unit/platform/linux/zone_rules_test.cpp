// Against the C library, which reads the same database by its own code.
#include <doctest/doctest.h>
#include <time.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "platform/base/random.h"
#include "platform/base/zone_rules.h"
#include "platform/service/places.h"

using namespace tillsync;

namespace {

std::vector<std::string> all_zones() {
  std::vector<std::string> zones;
  std::ifstream table("/usr/share/zoneinfo/tzdata.zi");
  std::string line;
  while (std::getline(table, line)) {
    if (line.starts_with("Z ")) zones.push_back(line.substr(2, line.find(' ', 2) - 2));
  }
  return zones;
}

}  // namespace

TEST_CASE("zone rules: every zone has the C library's offsets, from 1901 to 2200") {
  const auto zones = all_zones();
  REQUIRE(zones.size() > 300);
  SeededRandom random(1);
  for (const auto& zone : zones) {
    CAPTURE(zone);
    const auto rules = ZoneRules::parse(zone_rules(zone));
    REQUIRE(rules);
    ::setenv("TZ", zone.c_str(), 1);
    ::tzset();
    for (int i = 0; i < 2'000; ++i) {
      const auto instant = static_cast<time_t>(random.below(9'435'484'800ULL)) - 2'177'452'800;
      CAPTURE(instant);
      tm local{};
      REQUIRE(::localtime_r(&instant, &local) != nullptr);
      const auto offset = rules->offset_at(std::chrono::sys_seconds(std::chrono::seconds(instant)));
      if (offset.count() != local.tm_gmtoff) CHECK(offset.count() == local.tm_gmtoff);
    }
  }
  ::unsetenv("TZ");
  ::tzset();
}
