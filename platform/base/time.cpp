#include "platform/base/time.h"

#include <optional>

namespace tillsync {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// What sys_time<nanoseconds> can hold (1677 to 2262), with room for offsets.
constexpr int kYearMin = 1700;
constexpr int kYearMax = 2200;
constexpr int kFractionDigitsMax = 9;
constexpr std::size_t kDateLength = 10;

Error invalid(std::string code, std::string detail) {
  return Error{ErrorKind::kInvalid, std::move(code), std::move(detail)};
}

Error no_time(const char* what) {
  return invalid("invalid-time",
                 std::string(what) +
                     ": write RFC 3339 with an offset, such as \"2026-11-23T09:00:00.5+01:00\" or "
                     "\"2026-11-23T08:00:00Z\"");
}

void append_padded(std::string& out, std::int64_t value, int width) {
  char digits[20];
  for (int i = width; i-- > 0; value /= 10) digits[i] = static_cast<char>('0' + value % 10);
  out.append(digits, static_cast<std::size_t>(width));
}

void append_date(std::string& out, std::chrono::sys_days day) {
  const std::chrono::year_month_day date{day};
  append_padded(out, static_cast<int>(date.year()), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
}

void append_date_time(std::string& out, std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<days>(time);
  const std::int64_t second = (time - day).count();
  append_date(out, day);
  out += 'T';
  append_padded(out, second / 3600, 2);
  out += ':';
  append_padded(out, second / 60 % 60, 2);
  out += ':';
  append_padded(out, second % 60, 2);
}

/// Reads a text from left to right; each step says whether the text went on as asked.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }

  bool digits(std::size_t count, int& value) {
    if (rest_.size() < count) return false;
    value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return false;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return true;
  }

  bool one_of(std::string_view choice, char* found = nullptr) {
    if (rest_.empty() || choice.find(rest_.front()) == std::string_view::npos) return false;
    if (found != nullptr) *found = rest_.front();
    rest_.remove_prefix(1);
    return true;
  }

 private:
  std::string_view rest_;
};

bool is_supported_year(std::chrono::year year) {
  return int{year} >= kYearMin && int{year} <= kYearMax;
}

std::optional<std::chrono::sys_days> scan_date(Scanner& scanner, bool& exists) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (!scanner.digits(4, year) || !scanner.one_of("-") || !scanner.digits(2, month) || !scanner.one_of("-") ||
      !scanner.digits(2, day)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  exists = date.ok() && is_supported_year(date.year());
  return exists ? std::chrono::sys_days(date) : std::chrono::sys_days{};
}

/// The fraction behind the seconds, where there is one. False where a point is not followed by 1 to 9 digits.
bool scan_fraction(Scanner& scanner, nanoseconds& fraction) {
  if (!scanner.one_of(".")) return true;
  std::int64_t value = 0;
  int digits = 0;
  int digit = 0;
  while (digits < kFractionDigitsMax && scanner.digits(1, digit)) {
    value = value * 10 + digit;
    ++digits;
  }
  if (digits == 0) return false;
  for (; digits < kFractionDigitsMax; ++digits) value *= 10;
  fraction = nanoseconds(value);
  return true;
}

bool scan_offset(Scanner& scanner, minutes& offset) {
  if (scanner.one_of("Zz")) return true;
  char sign = '+';
  int hour = 0;
  int minute = 0;
  if (!scanner.one_of("+-", &sign) || !scanner.digits(2, hour) || !scanner.one_of(":") ||
      !scanner.digits(2, minute)) {
    return false;
  }
  if (hour > 23 || minute > 59) return false;
  offset = hours(hour) + minutes(minute);
  if (sign == '-') offset = -offset;
  return true;
}

}  // namespace

std::string format_utc(UtcTime time) {
  const auto whole = std::chrono::floor<seconds>(time);
  std::string out;
  out.reserve(24);
  append_date_time(out, whole);
  out += '.';
  append_padded(out, std::chrono::floor<std::chrono::milliseconds>(time - whole).count(), 3);
  out += 'Z';
  return out;
}

Result<OffsetTime> OffsetTime::parse(std::string_view text) {
  Scanner scanner(text);
  bool date_exists = false;
  const auto day = scan_date(scanner, date_exists);
  if (!day) return no_time("no date and time");
  if (!date_exists) return no_time("no such day between the years 1700 and 2200");
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!scanner.one_of("Tt")) return no_time("no \"T\" behind the date");
  if (!scanner.digits(2, hour) || !scanner.one_of(":") || !scanner.digits(2, minute) ||
      !scanner.one_of(":") || !scanner.digits(2, second)) {
    return no_time("no time of day HH:MM:SS");
  }
  if (hour > 23 || minute > 59 || second > 60) return no_time("no such time of day");
  nanoseconds fraction{0};
  if (!scan_fraction(scanner, fraction)) return no_time("a fraction of a second has 1 to 9 digits");
  if (scanner.done()) return no_time("the offset from UTC is missing");
  OffsetTime time;
  if (!scan_offset(scanner, time.offset)) return no_time("no offset from UTC");
  if (!scanner.done()) return no_time("more text behind the time");
  const auto local = *day + hours(hour) + minutes(minute) + seconds(second);
  // A leap second may lead out of the last year.
  if (!BusinessDay{std::chrono::floor<days>(local)}.is_supported())
    return no_time("no such day between the years 1700 and 2200");
  time.utc = local + fraction - time.offset;
  return time;
}

std::string OffsetTime::text() const {
  const auto local = utc + offset;
  const auto whole = std::chrono::floor<seconds>(local);
  std::string out;
  out.reserve(35);
  append_date_time(out, whole);
  if (const auto fraction = (local - whole).count(); fraction != 0) {
    out += '.';
    append_padded(out, fraction, kFractionDigitsMax);
    out.erase(out.find_last_not_of('0') + 1);
  }
  if (offset == minutes(0)) return out += 'Z';
  const auto difference = offset < minutes(0) ? -offset : offset;
  out += offset < minutes(0) ? '-' : '+';
  append_padded(out, difference.count() / 60, 2);
  out += ':';
  append_padded(out, difference.count() % 60, 2);
  return out;
}

Result<BusinessDay> BusinessDay::parse(std::string_view text) {
  Scanner scanner(text);
  bool exists = false;
  const auto day = scan_date(scanner, exists);
  if (!day || !scanner.done()) {
    return invalid("invalid-day", "no business day: write YYYY-MM-DD, such as \"2026-11-23\"");
  }
  if (!exists) {
    return invalid("invalid-day",
                   "no such day between the years 1700 and 2200: write YYYY-MM-DD, such as \"2026-11-23\"");
  }
  return BusinessDay{*day};
}

std::string BusinessDay::text() const {
  std::string out;
  out.reserve(kDateLength);
  append_date(out, day);
  return out;
}

bool BusinessDay::is_supported() const {
  return is_supported_year(std::chrono::year_month_day(day).year());
}

BusinessDay BusinessCalendar::day_of(std::chrono::sys_seconds utc) const {
  return BusinessDay{std::chrono::floor<days>(utc + zone_.offset_at(utc) - day_starts_at_)};
}

}  // namespace tillsync
