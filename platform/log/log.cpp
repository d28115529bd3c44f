#include "platform/log/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>

#include "platform/json/json.h"
#include "platform/log/printable.h"
#include "platform/log/rate_limiter.h"
#include "platform/service/service_host.h"

namespace tillsync::log {
namespace {

std::string_view level_name(Level level) {
  switch (level) {
    case Level::kDebug:
      return "DEBUG";
    case Level::kInfo:
      return "INFO";
    case Level::kWarning:
      return "WARNING";
    case Level::kError:
      return "ERROR";
  }
  return "ERROR";
}

std::optional<Level> level_of(std::string_view name) {
  if (name == "debug") return Level::kDebug;
  if (name == "info") return Level::kInfo;
  if (name == "warning") return Level::kWarning;
  if (name == "error") return Level::kError;
  return std::nullopt;
}

bool needs_quotes(std::string_view text) {
  return text.empty() || text.find_first_of(" \"=\\") != std::string_view::npos;
}

void append_text_value(std::string& out, const Field& field) {
  if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
    out += std::to_string(*number);
  } else if (const auto* flag = std::get_if<bool>(&field.value)) {
    out += *flag ? "true" : "false";
  } else {
    // Escaped first, so that what printable() adds cannot be confused with what the value held.
    std::string escaped;
    for (const char c : std::get<std::string>(field.value)) {
      if (c == '"' || c == '\\') escaped += '\\';
      escaped += c;
    }
    const std::string text = printable(escaped, kValueBytesMax);
    if (!needs_quotes(text)) {
      out += text;
      return;
    }
    out += '"';
    out += text;
    out += '"';
  }
}

/// What start() made. Guarded by State::mutex.
struct Log {
  std::shared_ptr<spdlog::logger> logger;
  bool json = false;
  Level level = Level::kInfo;
};

struct State {
  std::mutex mutex;
  std::optional<Log> log;
  RateLimiter limiter{kLinesPerSecondMax, kEventNamesMax};
  SystemClock system_clock;
  const Clock* clock = &system_clock;
};

// Never destroyed: threads may log while the process ends.
State& state() {
  static State* const instance = new State;
  return *instance;
}

void put(State& s, Level level, std::string_view event, Fields fields) {
  const UtcTime now = s.clock->utc_now();
  if (level == Level::kError) note_to_system_log(Notice::kError, text_line(now, level, event, fields));
  if (!s.log) {
    const std::string line = text_line(now, level, event, fields) + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
    return;
  }
  const std::string line =
      s.log->json ? json_line(now, level, event, fields) : text_line(now, level, event, fields);
  s.log->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

void put_suppressed(State& s, bool everything) {
  for (const auto& [event, count] : s.limiter.take_suppressed(s.clock->steady_now(), everything)) {
    put(s, Level::kWarning, "log.suppressed", {{"event", event}, {"suppressed", count}});
  }
}

Level threshold(const State& s) {
  return s.log ? s.log->level : Level::kWarning;
}

Result<std::shared_ptr<spdlog::logger>> make_logger(const LogOptions& options) {
  try {
    spdlog::sink_ptr sink;
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
          options.file, static_cast<std::size_t>(options.rotate_mib) * 1024 * 1024,
          static_cast<std::size_t>(options.rotate_keep));
    }
    auto logger = std::make_shared<spdlog::logger>("tillsync", std::move(sink));
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::trace);
    return logger;
  } catch (const std::exception& fault) {
    return Error{ErrorKind::kStorage, "log-file",
                 "the log file " + options.file + " cannot be opened (" + fault.what() +
                     "); check [log] file and the rights on its folder"};
  }
}

}  // namespace

std::string text_line(UtcTime at, Level level, std::string_view event, Fields fields) {
  std::string line = format_utc(at);
  line.append(" ").append(level_name(level)).append(" ").append(printable(event, kValueBytesMax));
  for (const Field& field : fields) {
    line.append(" ").append(field.name).append("=");
    append_text_value(line, field);
  }
  return line;
}

std::string json_line(UtcTime at, Level level, std::string_view event, Fields fields) {
  json::Object line = {
      {"at", format_utc(at)}, {"level", level_name(level)}, {"event", valid_utf8(event, kValueBytesMax)}};
  for (const Field& field : fields) {
    json::Value value;
    if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
      value = *number;
    } else if (const auto* flag = std::get_if<bool>(&field.value)) {
      value = *flag;
    } else {
      value = valid_utf8(std::get<std::string>(field.value), kValueBytesMax);
    }
    line.emplace_back(std::string(field.name), std::move(value));
  }
  return json::dump(line);
}

Result<void> start(const LogOptions& options) {
  const auto level = level_of(options.level);
  if (!level)
    return Error{ErrorKind::kInvalid, "log-level", "the log level \"" + options.level + "\" is unknown"};
  auto logger = make_logger(options);
  if (!logger) return logger.error();
  stop();
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.log = Log{std::move(*logger), options.format == "json", *level};
  if (options.clock != nullptr) s.clock = options.clock;
  return ok();
}

void stop() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  put_suppressed(s, true);
  if (s.log) s.log->logger->flush();
  s.log.reset();
  s.limiter = RateLimiter(kLinesPerSecondMax, kEventNamesMax);
  s.clock = &s.system_clock;
}

bool enabled(Level level) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return level >= threshold(s);
}

void write(Level level, std::string_view event, Fields fields) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (level < threshold(s)) return;
  put_suppressed(s, false);
  if (s.limiter.admit(event, s.clock->steady_now())) put(s, level, event, fields);
}

}  // namespace tillsync::log
