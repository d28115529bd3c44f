// Progress of something that counts documents: the text is pure; ProgressLine shows it on standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "platform/base/time.h"

namespace tillsync::cli {

struct Progress {
  std::int64_t done = 0;
  std::int64_t total = 0;  ///< 0 where it is not known
  std::int64_t per_second = 0;
  std::optional<std::chrono::seconds> remaining;  ///< nothing where it cannot be told
  std::string note;                               ///< printable; e.g. the state of each target
};

/// One line of at most `width` columns: bar (where the total is known and there is room), counts, pace, time
/// left, note.
std::string progress_text(const Progress& progress, std::size_t width);

/// "45s", "12m05s", "3h07m".
std::string duration_text(std::chrono::seconds time);

/// Documents a second over the last 10 s.
class Pace {
 public:
  void sample(SteadyTime now, std::int64_t done);
  std::int64_t per_second() const;
  /// How long `left` documents take at this pace.
  std::optional<std::chrono::seconds> time_for(std::int64_t left) const;

 private:
  std::deque<std::pair<SteadyTime, std::int64_t>> samples_;
};

/// On a terminal one line that is painted over; otherwise a new line now and then.
class ProgressLine {
 public:
  /// `every`: the least time between two lines where standard error is no terminal.
  explicit ProgressLine(std::chrono::milliseconds every);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const Progress& progress, SteadyTime now);
  /// Shows a plain line in its place (cut to the terminal).
  void say(const std::string& text, SteadyTime now);
  /// Takes the painted line away, so that other output starts on a line of its own.
  void clear();

 private:
  void put(const std::string& text, SteadyTime now);

  const bool terminal_;
  const std::chrono::milliseconds every_;
  bool painted_ = false;
  std::optional<SteadyTime> last_;
};

}  // namespace tillsync::cli
