// Times, and the seam through which the program learns them. Only platform/ reads a real clock (I5).
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace tillsync {

/// A wall-clock instant (UTC, microseconds). Shown and recorded, never used to order or to expire.
using UtcTime = std::chrono::sys_time<std::chrono::microseconds>;
/// An instant of the clock that nobody sets and that goes on while the machine sleeps: time-outs, backoff,
/// pace, how long something is taken for true. Has no meaning outside the running process, and must not be
/// held against std::chrono::steady_clock::now(), whose clock may stand still in sleep.
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual UtcTime utc_now() const = 0;
  virtual SteadyTime steady_now() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  UtcTime utc_now() const override;
  SteadyTime steady_now() const override;
};

/// RFC 3339 in UTC with milliseconds: "2026-11-23T09:00:00.123Z".
std::string format_utc(UtcTime time);

/// An instant with the offset it was written with (RFC 3339 section 4.2: local time with its difference to
/// UTC).
struct OffsetTime {
  std::chrono::sys_time<std::chrono::nanoseconds> utc;
  std::chrono::minutes offset{0};
  auto operator<=>(const OffsetTime&) const = default;

  /// Reads RFC 3339 `date-time`; an offset is required, `T` and `Z` may be lower case, 1 to 9 fraction
  /// digits, second 60 (a leap second) becomes the next second; years 1700 to 2200. kInvalid says what is
  /// wrong and the cure.
  static Result<OffsetTime> parse(std::string_view text);
  /// RFC 3339, fraction without trailing zeros, "Z" for offset zero.
  std::string text() const;
};

/// A trading day, `YYYY-MM-DD`.
struct BusinessDay {
  std::chrono::sys_days day{};
  auto operator<=>(const BusinessDay&) const = default;

  static Result<BusinessDay> parse(std::string_view text);
  std::string text() const;
  /// Whether it is within the years that parse() takes: a day worked out from a time at their edge may not
  /// be.
  bool is_supported() const;
};

/// A time zone of the IANA database.
class TimeZone {
 public:
  /// kInvalid where the name is not in the machine's database (Debian package tzdata).
  static Result<TimeZone> find(std::string_view iana_name);
  /// Offset from UTC in force at that instant.
  std::chrono::seconds offset_at(std::chrono::sys_seconds utc) const;

 private:
  explicit TimeZone(const void* zone) : zone_(zone) {}
  const void* zone_;  // ZoneRules, kept for as long as the process lives
};

/// Turns instants into trading days: the store's zone, and the hour at which its day begins.
class BusinessCalendar {
 public:
  BusinessCalendar(TimeZone zone, std::chrono::minutes day_starts_at)
      : zone_(zone), day_starts_at_(day_starts_at) {}
  /// The day of an instant: local time, less the cut-over.
  BusinessDay day_of(std::chrono::sys_seconds utc) const;

 private:
  TimeZone zone_;
  std::chrono::minutes day_starts_at_;
};

}  // namespace tillsync
