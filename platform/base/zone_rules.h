// When a time zone changes its offset: compiled rules of the IANA database (RFC 8536, "TZif"), read here
// because GCC 12 has no std::chrono::time_zone, and Windows no database.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tillsync {

/// Of a year, in the local time before the change. POSIX TZ, section 8.3 of the Base Definitions.
struct YearlyChange {
  enum class Kind { kDay, kDayWithoutLeap, kWeekday } kind = Kind::kWeekday;
  int day = 0;    ///< kDay: 0 to 365; kDayWithoutLeap: 1 to 365, 29 February is not counted; kWeekday: 0
                  ///< (Sunday) to 6
  int week = 0;   ///< kWeekday: 1 to 5, the last
  int month = 0;  ///< kWeekday
  std::chrono::seconds time{2 * 3600};  ///< from midnight; may be negative, or beyond the day

  std::chrono::sys_seconds in(std::chrono::year year) const;
};

/// What holds behind the last change that is listed.
struct YearlyRule {
  std::chrono::seconds standard{0};
  std::chrono::seconds summer{0};
  std::optional<YearlyChange> begins, ends;  ///< of summer time; none where there is no summer time

  static std::optional<YearlyRule> parse(std::string_view text);
  std::chrono::seconds offset_at(std::chrono::sys_seconds utc) const;
};

class ZoneRules {
 public:
  /// Nothing where the bytes are not whole rules of version 2 or later, or count leap seconds.
  static std::optional<ZoneRules> parse(std::string_view bytes);
  /// Offset from UTC in force at that instant.
  std::chrono::seconds offset_at(std::chrono::sys_seconds utc) const;

 private:
  std::vector<std::chrono::sys_seconds> changes_;  ///< ascending
  std::vector<std::chrono::seconds> offsets_;      ///< from each change on
  std::chrono::seconds before_{0};                 ///< before the first
  std::optional<YearlyRule> after_;
};

}  // namespace tillsync
