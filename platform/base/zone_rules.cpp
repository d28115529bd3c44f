#include "platform/base/zone_rules.h"

#include <algorithm>
#include <cstddef>

namespace tillsync {
namespace {

using std::chrono::seconds;

constexpr std::size_t kHeaderBytes = 44;
constexpr int kHoursMax = 167;  ///< RFC 8536 section 3.3.1

/// Numbers of a text, big-endian; a number that is not there makes all that follows void.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : rest_(bytes) {}
  bool whole() const { return whole_; }
  std::string_view take(std::size_t count) {
    whole_ = whole_ && count <= rest_.size();
    if (!whole_) return {};
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (const char c : take(bytes)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::int32_t signed_32() { return static_cast<std::int32_t>(static_cast<std::uint32_t>(number(4))); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  bool whole_ = true;
};

struct Header {
  char version = 0;
  std::size_t ut_flags = 0, standard_flags = 0, leaps = 0, changes = 0, kinds = 0, letters = 0;

  std::size_t data_bytes(std::size_t time_bytes) const {
    return changes * (time_bytes + 1) + kinds * 6 + letters + leaps * (time_bytes + 4) + standard_flags +
           ut_flags;
  }
};

std::optional<Header> read_header(Bytes& bytes) {
  if (bytes.take(4) != "TZif") return std::nullopt;
  Header header;
  header.version = static_cast<char>(bytes.number(1));
  bytes.take(15);
  for (std::size_t* count : {&header.ut_flags, &header.standard_flags, &header.leaps, &header.changes,
                             &header.kinds, &header.letters})
    *count = bytes.number(4);
  if (!bytes.whole()) return std::nullopt;
  return header;
}

/// POSIX TZ, from the front.
class RuleText {
 public:
  explicit RuleText(std::string_view text) : rest_(text) {}
  bool empty() const { return rest_.empty(); }
  bool good() const { return good_; }
  bool next_is(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool skip(char c) {
    if (!next_is(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { good_ = skip(c) && good_; }

  /// Its letters are not needed.
  void name() {
    const bool in_brackets = skip('<');
    std::size_t size = 0;
    while (size < rest_.size() && (in_brackets ? rest_[size] != '>' : is_letter(rest_[size]))) ++size;
    good_ = good_ && size >= 3;
    rest_.remove_prefix(size);
    if (in_brackets) expect('>');
  }
  int number(int most) {
    int value = 0;
    std::size_t size = 0;
    for (; size < rest_.size() && rest_[size] >= '0' && rest_[size] <= '9' && size < 4; ++size)
      value = value * 10 + (rest_[size] - '0');
    good_ = good_ && size > 0 && value <= most;
    rest_.remove_prefix(size);
    return value;
  }
  /// [+-]hh[:mm[:ss]]
  seconds time() {
    const bool negative = skip('-');
    if (!negative) skip('+');
    seconds value = std::chrono::hours(number(kHoursMax));
    if (skip(':')) value += std::chrono::minutes(number(59));
    if (skip(':')) value += seconds(number(59));
    return negative ? -value : value;
  }
  YearlyChange change() {
    YearlyChange change;
    if (skip('M')) {
      change.month = number(12);
      expect('.');
      change.week = number(5);
      expect('.');
      change.day = number(6);
      good_ = good_ && change.month >= 1 && change.week >= 1;
    } else {
      change.kind = skip('J') ? YearlyChange::Kind::kDayWithoutLeap : YearlyChange::Kind::kDay;
      change.day = number(365);
      good_ = good_ && (change.kind == YearlyChange::Kind::kDay || change.day >= 1);
    }
    if (skip('/')) change.time = time();
    return change;
  }

 private:
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::chrono::sys_seconds YearlyChange::in(std::chrono::year year) const {
  namespace c = std::chrono;
  const c::sys_days first = year / c::January / 1;
  if (kind == Kind::kDay) return first + c::days(day) + time;
  if (kind == Kind::kDayWithoutLeap)
    return first + c::days(day - (year.is_leap() && day >= 60 ? 0 : 1)) + time;
  const c::year_month in_month = year / c::month(static_cast<unsigned>(month));
  const c::weekday wanted(static_cast<unsigned>(day));
  if (week == 5) return c::sys_days(in_month / c::weekday_last(wanted)) + time;
  return c::sys_days(in_month / wanted[static_cast<unsigned>(week)]) + time;
}

std::optional<YearlyRule> YearlyRule::parse(std::string_view text) {
  RuleText rest(text);
  YearlyRule rule;
  rest.name();
  rule.standard = -rest.time();  // POSIX counts westwards
  if (!rest.empty()) {
    rest.name();
    rule.summer = rest.next_is(',') ? rule.standard + std::chrono::hours(1) : -rest.time();
    rest.expect(',');
    rule.begins = rest.change();
    rest.expect(',');
    rule.ends = rest.change();
  }
  if (!rest.good() || !rest.empty()) return std::nullopt;
  return rule;
}

seconds YearlyRule::offset_at(std::chrono::sys_seconds utc) const {
  if (!begins || !ends) return standard;
  const auto year = std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(utc + standard)).year();
  const auto from = begins->in(year)-standard;
  const auto to = ends->in(year)-summer;
  const bool is_summer = from < to ? utc >= from && utc < to : utc >= from || utc < to;
  return is_summer ? summer : standard;
}

std::optional<ZoneRules> ZoneRules::parse(std::string_view text) {
  Bytes bytes(text);
  const auto old = read_header(bytes);
  if (!old || old->version < '2') return std::nullopt;
  bytes.take(old->data_bytes(4));
  const auto header = read_header(bytes);
  // Counts that cannot be true would be reserved for.
  if (!header || header->leaps != 0 || header->kinds == 0 || header->data_bytes(8) > bytes.rest().size())
    return std::nullopt;
  ZoneRules rules;
  for (std::size_t i = 0; i < header->changes; ++i)
    rules.changes_.emplace_back(seconds(static_cast<std::int64_t>(bytes.number(8))));
  const auto kinds_of = bytes.take(header->changes);
  std::vector<seconds> kinds;
  for (std::size_t i = 0; i < header->kinds; ++i) {
    kinds.emplace_back(bytes.signed_32());
    bytes.take(2);
  }
  bytes.take(header->letters + header->standard_flags + header->ut_flags);
  for (const char kind : kinds_of) {
    const auto index = static_cast<unsigned char>(kind);
    if (index >= kinds.size()) return std::nullopt;
    rules.offsets_.push_back(kinds[index]);
  }
  rules.before_ = kinds.front();
  const auto footer = bytes.rest();
  if (!bytes.whole() || footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n' ||
      !std::is_sorted(rules.changes_.begin(), rules.changes_.end()))
    return std::nullopt;
  if (footer.size() > 2) {
    rules.after_ = YearlyRule::parse(footer.substr(1, footer.size() - 2));
    if (!rules.after_) return std::nullopt;
  }
  return rules;
}

seconds ZoneRules::offset_at(std::chrono::sys_seconds utc) const {
  const auto next = std::upper_bound(changes_.begin(), changes_.end(), utc);
  if (next == changes_.end() && after_) return after_->offset_at(utc);
  if (next == changes_.begin()) return before_;
  return offsets_[static_cast<std::size_t>(next - changes_.begin()) - 1];
}

}  // namespace tillsync
