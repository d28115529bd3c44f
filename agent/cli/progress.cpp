#include "agent/cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "agent/cli/table.h"
#include "platform/log/printable.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

constexpr std::size_t kBarColumns = 20;
constexpr std::size_t kBarLineMin = 60;  // on a narrower terminal the counts have the room
constexpr auto kPaceWindow = std::chrono::seconds(10);

std::string bar(const Progress& progress) {
  const std::int64_t done = std::clamp<std::int64_t>(progress.done, 0, progress.total);
  const auto filled = static_cast<std::size_t>(static_cast<long double>(done) /
                                               static_cast<long double>(progress.total) * kBarColumns);
  return "[" + std::string(filled, '#') + std::string(kBarColumns - filled, '-') + "] ";
}

}  // namespace

std::string duration_text(std::chrono::seconds time) {
  const std::int64_t s = std::max<std::int64_t>(0, time.count());
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
}

std::string progress_text(const Progress& progress, std::size_t width) {
  std::string text;
  if (progress.total > 0) {
    if (width >= kBarLineMin) text += bar(progress);
    text += fmt::format("{}/{} documents", progress.done, progress.total);
  } else {
    text += fmt::format("{} documents", progress.done);
  }
  text += fmt::format("  {}/s", progress.per_second);
  if (progress.remaining) text += "  " + duration_text(*progress.remaining) + " left";
  if (!progress.note.empty()) text += "  " + progress.note;
  return fitted(text, width);
}

void Pace::sample(SteadyTime now, std::int64_t done) {
  samples_.emplace_back(now, done);
  while (samples_.size() > 2 && now - samples_.front().first > kPaceWindow) samples_.pop_front();
}

std::int64_t Pace::per_second() const {
  if (samples_.size() < 2) return 0;
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(samples_.back().first - samples_.front().first)
          .count();
  const std::int64_t moved = samples_.back().second - samples_.front().second;
  return took <= 0 || moved <= 0 ? 0 : moved * 1000 / took;
}

std::optional<std::chrono::seconds> Pace::time_for(std::int64_t left) const {
  const std::int64_t pace = per_second();
  if (pace <= 0) return std::nullopt;
  return std::chrono::seconds((left + pace - 1) / pace);
}

ProgressLine::ProgressLine(std::chrono::milliseconds every)
    : terminal_(is_terminal(Stream::kError)), every_(every) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::show(const Progress& progress, SteadyTime now) {
  constexpr std::size_t kLogWidth = 160;
  put(progress_text(progress, terminal_ ? terminal_width() - 1 : kLogWidth), now);
}

void ProgressLine::say(const std::string& text, SteadyTime now) {
  put(terminal_ ? fitted(text, terminal_width() - 1) : text, now);
}

void ProgressLine::clear() {
  if (!painted_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  painted_ = false;
}

void ProgressLine::put(const std::string& text, SteadyTime now) {
  if (terminal_) {
    std::fputs(("\r" + text + "\x1b[K").c_str(), stderr);
    painted_ = true;
  } else {
    if (last_ && now - *last_ < every_) return;
    std::fputs((text + "\n").c_str(), stderr);
  }
  last_ = now;
  std::fflush(stderr);
}

}  // namespace tillsync::cli
