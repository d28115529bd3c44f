#include "agent/cli/support.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "agent/assembly/daemon.h"
#include "agent/connectors/connector_factory.h"
#include "outbox/document/validation.h"
#include "platform/log/printable.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

// A report may read central back first (10 s) and walk a long journal.
constexpr std::chrono::milliseconds kAnswerTimeout{120'000};
constexpr std::chrono::milliseconds kConnectTimeout{5'000};
constexpr std::size_t kAnswerBytesMax = 256 * 1024 * 1024;
constexpr std::size_t kErrorBytesMax = 2048;

/// The first line that begins with the key and holds the value; 0 where there is none (TOML has more than one
/// way to write it).
std::int64_t line_of(const std::string& file, std::string_view key, const std::string& value) {
  std::ifstream in(file);
  std::string line;
  for (std::int64_t number = 1; std::getline(in, line); ++number) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin != std::string::npos && line.compare(begin, key.size(), key) == 0 &&
        line.find(value, begin + key.size()) != std::string::npos)
      return number;
  }
  return 0;
}

}  // namespace

Exit fail(Exit status, std::string_view what_and_cure) {
  const std::string line = "tillsync: " + printable(what_and_cure, kErrorBytesMax) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  note_to_system_log(Notice::kError, line);  // of a service: nobody sees its standard error there
  return status;
}

void warn(std::string_view what) {
  const std::string line = "tillsync: warning: " + printable(what, kErrorBytesMax) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

Exit exit_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalid:
      return Exit::kUsage;
    case ErrorKind::kNotFound:
      return Exit::kNo;
    case ErrorKind::kStorage:
    case ErrorKind::kCorrupt:
      return Exit::kStorage;
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
      return Exit::kUnreachable;
    case ErrorKind::kInternal:
      return Exit::kNo;
  }
  return Exit::kNo;
}

Exit fail(const Error& error) {
  return fail(exit_of(error.kind), error.detail);
}

std::string damage_text(const Verification& verification) {
  if (verification.derived_differ) {
    return "the records are whole, but tables derived from them differ: " + verification.reason +
           "; stop the daemon and run `tillsync journal recover`, which makes them anew";
  }
  const std::string where = verification.first_bad ? "the chain is broken at sequence " +
                                                         std::to_string(verification.first_bad->value) + ": "
                                                   : std::string();
  return where + verification.reason +
         "; keep a copy of this journal, compare it with a backup, and run `tillsync journal recover`";
}

Error journal_unreadable(const Error& error) {
  std::string_view cure;
  if (error.kind == ErrorKind::kNotFound) {
    cure = ", or this user may not look there; check [journal] path and the rights on it";
  } else if (error.code == "storage-corrupt") {
    cure = "; the journal is damaged: stop the daemon, and run `tillsync journal recover`";
  }
  return {ErrorKind::kStorage, error.code, error.detail + std::string(cure)};
}

namespace {

/// What a route sends to a target whose connector has nothing for it would be quarantined, document by
/// document.
void check_routes_to(const std::string& name, const TargetConnector& target, LoadedSettings& loaded,
                     const std::string& file) {
  if (!target.connector) return;
  for (const auto& [type, steps] : loaded.settings.routes) {
    const bool routed =
        std::any_of(steps.begin(), steps.end(), [&](const RouteStep& step) { return step.target == name; });
    const auto known = type_from_name(type);
    if (!routed || !known || target.connector->submit_of(*known) != nullptr) continue;
    loaded.mistakes.push_back({file, loaded.settings.targets.at(name).line,
                               "[routes] sends " + type + " to target " + name + ", and connector " +
                                   target.connector->name + " does not serve it; take " + name +
                                   " out of that route"});
  }
}

}  // namespace

LoadedSettings load_checked(const Context& context) {
  LoadedSettings loaded = load_settings(context.settings_file);
  if (!loaded.mistakes.empty()) return loaded;
  const auto add = [&](std::string_view key, const std::string& value, const std::string& detail) {
    loaded.mistakes.push_back({context.settings_file, line_of(context.settings_file, key, value), detail});
  };
  if (const auto store = store_defaults(loaded.settings); !store)
    add("currency", loaded.settings.store.currency, store.error().detail);
  for (const auto& [name, target] : loaded.settings.targets) {
    CheckedTarget checked = check_target(name, target, context.settings_file);
    std::move(checked.mistakes.begin(), checked.mistakes.end(), std::back_inserter(loaded.mistakes));
    check_routes_to(name, checked.target, loaded, context.settings_file);
  }
  return loaded;
}

Result<Settings> read_settings(const Context& context) {
  LoadedSettings loaded = load_checked(context);
  if (loaded.mistakes.empty()) return std::move(loaded.settings);
  std::string detail = loaded.mistakes.front().text();
  if (loaded.mistakes.size() > 1) {
    detail += fmt::format("; and {} more, `tillsync check` lists them all", loaded.mistakes.size() - 1);
  }
  return Error{ErrorKind::kInvalid, "settings", detail};
}

http::Request request_to(const Endpoint& endpoint, std::string method, const std::string& path) {
  http::Request request;
  request.method = std::move(method);
  request.url = endpoint.base_url + path;
  request.unix_socket = endpoint.unix_socket;
  request.connect_to = endpoint.connect_to;
  request.ca_file = endpoint.ca_file;
  if (!endpoint.token.empty()) request.headers.emplace_back("Authorization", "Bearer " + endpoint.token);
  request.timeout = kAnswerTimeout;
  request.connect_timeout = kConnectTimeout;
  request.answer_bytes_max = kAnswerBytesMax;
  return request;
}

Result<http::Answer> exchange(const Endpoint& endpoint, http::Request request) {
  if (endpoint.fault) return *endpoint.fault;
  http::Exchange result = http::perform(std::move(request));
  if (auto* answer = std::get_if<http::Answer>(&result)) return std::move(*answer);
  const auto& failure = std::get<http::Failure>(result);
  return Error{failure.code == "timeout" ? ErrorKind::kTimeout : ErrorKind::kUnavailable, "unreachable",
               endpoint.name + " cannot be reached (" + failure.detail +
                   "); start it with `tillsync run`, or name its settings with --config"};
}

Error problem_of(const http::Answer& answer) {
  const auto parsed = json::parse(answer.body);
  const json::Value problem = parsed ? *parsed : json::Value();
  if (answer.status >= 400 && !problem.text_of("type").starts_with("urn:tillsync:")) {
    return {ErrorKind::kUnavailable, "unreachable",
            fmt::format("the answer {} is not tillsync's; another program listens at that address: see [ops] "
                        "and [till] in the settings",
                        answer.status)};
  }
  std::string text = fmt::format("the daemon answered {}", answer.status);
  if (!problem.text_of("title").empty()) text.append(" ").append(problem.text_of("title"));
  if (!problem.text_of("detail").empty()) text.append(": ").append(problem.text_of("detail"));
  if (answer.status == 401)
    text +=
        " Give one by --token-file or in TILLSYNC_TOKEN; `tillsync operator add` and `tillsync terminal add` "
        "make "
        "them.";
  ErrorKind kind = ErrorKind::kInvalid;
  if (answer.status == 404 || answer.status == 409 || answer.status == 422) kind = ErrorKind::kNotFound;
  if (answer.status == 507) kind = ErrorKind::kStorage;
  if (answer.status == 429 || (answer.status >= 500 && answer.status != 507)) kind = ErrorKind::kUnavailable;
  return {kind, "answer", text};
}

Result<json::Value> get_json(const Endpoint& endpoint, const std::string& path) {
  http::Request request = request_to(endpoint, "GET", path);
  request.headers.emplace_back("Accept", "application/json");
  const auto answer = exchange(endpoint, std::move(request));
  if (!answer) return answer.error();
  if (answer->status != 200) return problem_of(*answer);
  auto parsed = json::parse(answer->body);
  if (!parsed) {
    return Error{ErrorKind::kUnavailable, "answer",
                 endpoint.name + " answered no JSON; check that no other program listens there"};
  }
  return parsed;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string shown(const json::Value* value) {
  if (value == nullptr || value->is_null()) return "-";
  if (const std::string* text = value->as_string()) return text->empty() ? "-" : printable(*text);
  return printable(json::dump(*value));
}

std::string shown(const json::Value& object, std::string_view member) {
  return shown(object.find(member));
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace tillsync::cli
