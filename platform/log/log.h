// Logging: events, not sentences. One line an event, an event name and key=value fields:
//   log::info("delivery.rejected", {{"target", "erp"}, {"document", id}});
// Never a payload, a secret or personal data (I9). Every function may be called from any thread, before
// start() too: then warnings and errors go to standard error.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "platform/base/result.h"
#include "platform/base/time.h"

namespace tillsync::log {

enum class Level { kDebug, kInfo, kWarning, kError };

/// Longest value of a field in bytes; a longer one is cut and ends in "…".
inline constexpr std::size_t kValueBytesMax = 1024;
/// Most lines a second of one event name; the rest is counted and told as `log.suppressed event=NAME
/// suppressed=N`, so that a bad day cannot fill the disk.
inline constexpr int kLinesPerSecondMax = 20;
/// Event names that the limiter tells apart; a program has a fixed, small set.
inline constexpr std::size_t kEventNamesMax = 1024;

/// One key=value. Names are the program's own: letters, digits, _ and dots.
struct Field {
  std::string_view name;
  std::variant<std::string, std::int64_t, bool> value;

  template <class T>
  requires std::convertible_to<const T&, std::string_view> Field(std::string_view field, const T& text)
      : name(field), value(std::string(std::string_view(text))) {}
  Field(std::string_view field, std::same_as<bool> auto flag) : name(field), value(flag) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Field(std::string_view field, T number)
      : name(field), value(bounded(number)) {}

 private:
  template <std::integral T>
  static std::int64_t bounded(T number) {
    constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
    if constexpr (std::unsigned_integral<T> && sizeof(T) >= sizeof(std::int64_t)) {
      return number > static_cast<T>(kMax) ? kMax : static_cast<std::int64_t>(number);
    } else {
      return static_cast<std::int64_t>(number);
    }
  }
};
using Fields = std::initializer_list<Field>;

struct LogOptions {
  std::string file;              ///< "" for standard error
  std::string format = "text";   ///< text, json (one object a line)
  std::string level = "info";    ///< debug, info, warning, error
  std::int64_t rotate_mib = 10;  ///< a file is rotated at this size
  std::int64_t rotate_keep = 5;  ///< older files kept beside it: NAME.1.log is the youngest
  const Clock* clock = nullptr;  ///< for tests; nullptr: the machine's. Must outlive stop()
};

/// Opens the log; what was open before is closed. kStorage where the file cannot be opened; then the log
/// stays as it was.
Result<void> start(const LogOptions& options);
/// Tells what is still suppressed, flushes and closes. Afterwards as before start().
void stop();
/// Whether an event of that level would be written: for fields that cost something to make.
bool enabled(Level level);

void write(Level level, std::string_view event, Fields fields = {});
inline void debug(std::string_view event, Fields fields = {}) {
  write(Level::kDebug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) {
  write(Level::kInfo, event, fields);
}
inline void warning(std::string_view event, Fields fields = {}) {
  write(Level::kWarning, event, fields);
}
inline void error(std::string_view event, Fields fields = {}) {
  write(Level::kError, event, fields);
}

/// The line of an event, without its line end. For tests and start().
std::string text_line(UtcTime at, Level level, std::string_view event, Fields fields);
std::string json_line(UtcTime at, Level level, std::string_view event, Fields fields);

}  // namespace tillsync::log
