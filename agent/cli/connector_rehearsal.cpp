#include "agent/cli/connector_rehearsal.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "platform/log/printable.h"
#include "platform/service/memory.h"

namespace tillsync::cli {
namespace {

constexpr std::size_t kFileBytesMax = 64 * 1024 * 1024;
constexpr std::size_t kShownBytesMax = 4'000;  ///< of a body

/// One answer a line: {"status", "headers": {name: value}, "body": any, or "text"}.
Result<std::deque<http::Answer>> read_answers(const std::string& path) {
  std::deque<http::Answer> answers;
  if (path.empty()) return answers;
  const auto text = read_file(path);
  if (!text) return text.error();
  std::size_t number = 0;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    const std::string_view line = std::string_view(*text).substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto value = json::parse(line, json::ParseLimits{.depth_max = 64});
    if (!value || value->as_object() == nullptr)
      return usage(
          fmt::format("{}:{}: an answer is one line, {{\"status\":200,\"body\":{{...}}}}", path, number));
    http::Answer answer;
    answer.status = static_cast<int>(value->integer_of("status", 200));
    if (const auto* headers = value->find("headers"); headers != nullptr && headers->as_object() != nullptr) {
      for (const auto& [name, content] : *headers->as_object()) {
        std::string lower = name;
        std::transform(lower.begin(), lower.end(), lower.begin(),
                       [](unsigned char c) { return std::tolower(c); });
        answer.headers.emplace_back(std::move(lower),
                                    content.as_string() ? *content.as_string() : json::dump(content));
      }
    }
    if (const auto* body = value->find("body")) answer.body = json::dump(*body);
    if (const auto* body = value->find("text"); body != nullptr && body->as_string())
      answer.body = *body->as_string();
    answers.push_back(std::move(answer));
  }
  return answers;
}

/// A connector may be tried before there is a store: then with a store of its own.
Result<Settings> settings_for(const Context& context, const RehearsalOptions& options) {
  std::error_code fault;
  if (options.target.empty() && !std::filesystem::exists(context.settings_file, fault)) {
    Settings settings;
    settings.store.id = "0000";
    settings.store.currency = "EUR";
    return settings;
  }
  return read_settings(context);
}

Result<TargetSettings> target_of(const Settings& settings, const RehearsalOptions& options) {
  if (!options.target.empty()) {
    const auto found = settings.targets.find(options.target);
    if (found != settings.targets.end()) return found->second;
    return usage("the settings have no target \"" + options.target + "\"");
  }
  TargetSettings target;
  target.base_url = "https://target.example";
  target.auth.kind = "bearer";
  return target;
}

Result<json::Value> parameters_of(const Connector& connector, const TargetSettings& target,
                                  const RehearsalOptions& options) {
  json::Object given;
  if (!target.parameters.empty()) {
    if (auto parsed = json::parse(target.parameters); parsed && parsed->as_object() != nullptr)
      given = *parsed->as_object();
  }
  for (const auto& text : options.parameters) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) return usage("--parameter " + text + " must be NAME=VALUE");
    const std::string name = text.substr(0, equals);
    const auto value = json::parse(text.substr(equals + 1));
    std::erase_if(given, [&](const auto& member) { return member.first == name; });
    const auto known = connector.parameters.find(name);
    const bool wants_text =
        known != connector.parameters.end() && known->second.kind == Parameter::Kind::kString;
    given.emplace_back(name, value && !wants_text ? *value : json::Value(text.substr(equals + 1)));
  }
  FilledParameters filled = fill_parameters(connector, json::Value(std::move(given)));
  if (!filled.mistakes.empty())
    return usage("parameters: " + filled.mistakes.front() +
                 "; give it with --parameter NAME=VALUE, or --target");
  return std::move(filled.values);
}

std::string shown_body(const std::string& body) {
  if (body.size() <= kShownBytesMax) return body;
  return body.substr(0, kShownBytesMax) + fmt::format("... ({} bytes in all)", body.size());
}

}  // namespace

Error usage(const std::string& detail) {
  return {ErrorKind::kInvalid, "usage", detail};
}

Result<std::string> read_file(const std::string& path) {
  std::error_code fault;
  if (!std::filesystem::is_regular_file(path, fault)) return usage("there is no file " + path);
  if (std::filesystem::file_size(path, fault) > kFileBytesMax) return usage(path + " is larger than 64 MiB");
  std::ifstream in(path, std::ios::binary);
  if (!in) return usage(path + " cannot be read; check its rights");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<Stage> set_stage(const Context& context, const RehearsalOptions& options) {
  keep_memory_out_of_core_files();
  auto loaded = load_connector(options.file);
  if (!loaded.mistakes.empty())
    return usage(loaded.mistakes.front().text() + "; `tillsync connector check` lists every mistake");
  auto settings = settings_for(context, options);
  if (!settings) return settings.error();
  auto target = target_of(*settings, options);
  if (!target) return target.error();
  Stage stage;
  stage.target = options.target.empty() ? "target" : options.target;
  stage.settings_of_target = std::move(*target);
  if (loaded.connector.session) stage.settings_of_target.auth.kind = "session";
  if (loaded.connector.session && stage.settings_of_target.auth.password.empty()) {
    stage.settings_of_target.auth.user = "user";
    stage.settings_of_target.auth.password = {"file:password"};  // nothing reads it where nothing is sent
  }
  auto parameters = parameters_of(loaded.connector, stage.settings_of_target, options);
  if (!parameters) return parameters.error();
  stage.parameters = std::move(*parameters);
  auto answers = read_answers(options.answers_file);
  if (!answers) return answers.error();
  stage.answers = std::move(*answers);
  stage.settings = std::move(*settings);
  stage.connector = std::make_shared<const Connector>(std::move(loaded.connector));
  return stage;
}

void add_rehearsal_options(CLI::App& command, RehearsalOptions& options) {
  command.add_option("FILE", options.file, "the connector file")->required();
  command.add_option(
      "--answers", options.answers_file,
      "what the target is to answer, one line each: {\"status\":200,\"headers\":{},\"body\":{}}");
  command.add_option("--target", options.target,
                     "a target of the settings: its address, parameters and sign-in");
  command.add_option("--parameter", options.parameters, "NAME=VALUE, in the place of the target's");
}

void print_exchange(const RehearsedExchange& exchange) {
  print(printable("> " + exchange.request.method + " " + exchange.request.url) + "\n");
  for (const auto& [name, value] : exchange.request.headers)
    print(printable("> " + name + ": " + value) + "\n");
  if (!exchange.request.body.empty()) print("> " + printable(shown_body(exchange.request.body)) + "\n");
  if (!exchange.answer) return;
  if (const auto* failure = std::get_if<http::Failure>(&*exchange.answer)) {
    print("< no answer: " + printable(failure->code + ": " + failure->detail) + "\n");
    return;
  }
  const auto& answer = std::get<http::Answer>(*exchange.answer);
  print(fmt::format("< {} {}\n", answer.status, printable(shown_body(answer.body))));
}

json::Array exchanges_json(const std::vector<RehearsedExchange>& all) {
  json::Array exchanges;
  for (const auto& each : all) {
    json::Object headers;
    for (const auto& [name, value] : each.request.headers) headers.emplace_back(name, value);
    json::Object one = {{"method", each.request.method},
                        {"url", each.request.url},
                        {"headers", std::move(headers)},
                        {"body", each.request.body}};
    if (each.answer) {
      if (const auto* answer = std::get_if<http::Answer>(&*each.answer)) {
        one.emplace_back("answer", json::Object{{"status", answer->status}, {"body", answer->body}});
      } else {
        one.emplace_back("failure", std::get<http::Failure>(*each.answer).code);
      }
    }
    exchanges.emplace_back(std::move(one));
  }
  return exchanges;
}

}  // namespace tillsync::cli
