#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "agent/assembly/daemon.h"
#include "agent/cli/commands.h"
#include "agent/connectors/mapped/rehearsal.h"
#include "outbox/document/canonical.h"
#include "outbox/document/validation.h"
#include "platform/log/printable.h"
#include "platform/service/child_process.h"
#include "platform/service/memory.h"

namespace tillsync::cli {
namespace {

constexpr std::size_t kFileBytesMax = 64 * 1024 * 1024;
constexpr std::size_t kShownBytesMax = 4'000;  ///< of a body

struct TryOptions {
  std::string file;
  std::vector<std::string> document_files;
  std::string answers_file;
  std::string target;
  std::vector<std::string> parameters;
  std::string step;
  std::string read_back;  ///< a business day
  std::string cursor;
  bool look_up = false;
  bool live = false;
};

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
Result<Settings> settings_for(const Context& context, const TryOptions& options) {
  std::error_code fault;
  if (options.target.empty() && !std::filesystem::exists(context.settings_file, fault)) {
    Settings settings;
    settings.store.id = "0000";
    settings.store.currency = "EUR";
    return settings;
  }
  return read_settings(context);
}

Result<TargetSettings> target_of(const Settings& settings, const TryOptions& options) {
  if (!options.target.empty()) {
    const auto found = settings.targets.find(options.target);
    if (found != settings.targets.end()) return found->second;
    return usage("the settings have no target \"" + options.target + "\"");
  }
  if (options.live) return usage("--live needs --target NAME: whose address and credential to use");
  TargetSettings target;
  target.base_url = "https://target.example";
  target.auth.kind = "bearer";
  return target;
}

Result<json::Value> parameters_of(const Connector& connector, const TargetSettings& target,
                                  const TryOptions& options) {
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

Result<OutgoingDelivery> delivery_of(const Settings& settings, const TryOptions& options,
                                     const std::string& file, Sequence sequence, const std::string& target) {
  const auto text = read_file(file);
  if (!text) return text.error();
  const auto defaults = store_defaults(settings);
  if (!defaults) return defaults.error();
  const auto checked = parse_document(*text, *defaults);
  if (const auto* refusal = std::get_if<Refusal>(&checked)) {
    std::string detail = file + ": " + refusal->detail;
    for (const auto& fault : refusal->faults) detail += "; " + fault.pointer + ": " + fault.detail;
    return usage(detail);
  }
  const auto& document = std::get<Document>(checked);
  OutgoingDelivery delivery;
  delivery.key = {sequence, options.step.empty() ? target : options.step};
  delivery.type = document.type;
  delivery.store = settings.store.id;
  delivery.document_id = document.id;
  delivery.document = canonical_json(document);
  delivery.correlation_id = document.correlation_id.value_or(document.id);
  return delivery;
}

std::string shown_body(const std::string& body) {
  if (body.size() <= kShownBytesMax) return body;
  return body.substr(0, kShownBytesMax) + fmt::format("... ({} bytes in all)", body.size());
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

std::string_view signal_name(TargetSignal signal) {
  switch (signal) {
    case TargetSignal::kFine:
      return "fine";
    case TargetSignal::kUnreachable:
      return "unreachable";
    case TargetSignal::kThrottled:
      return "throttled";
    case TargetSignal::kUnauthorized:
      return "unauthorized";
  }
  return {};
}

json::Value as_json(const LimitsLeft& left) {
  json::Object out;
  const auto add = [&out](const char* name, const std::optional<LimitLeft>& limit) {
    if (!limit) return;
    json::Object one = {{"left", limit->requests}};
    if (limit->resets)
      one.emplace_back("resets_s", std::chrono::ceil<std::chrono::seconds>(*limit->resets).count());
    out.emplace_back(name, std::move(one));
  };
  add("burst", left.burst);
  add("day", left.day);
  return out;
}

json::Value as_json(const CentralRow& row) {
  const auto text = [](const std::optional<std::string>& value) {
    return value ? json::Value(*value) : json::Value();
  };
  return json::Object{{"reference", row.reference},
                      {"step", row.step},
                      {"central_reference", row.central_reference},
                      {"total", text(row.total)},
                      {"currency", text(row.currency)},
                      {"recorded_at", row.recorded_at}};
}

json::Value as_json(const CentralPage& page) {
  json::Array rows;
  for (const CentralRow& row : page.rows) rows.emplace_back(as_json(row));
  return json::Object{{"rows", std::move(rows)},
                      {"next", page.next ? json::Value(*page.next) : json::Value()}};
}

json::Value as_json(const Rehearsal& rehearsal) {
  json::Array exchanges;
  for (const auto& each : rehearsal.exchanges) {
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
  json::Array outcomes;
  for (const Outcome& outcome : rehearsal.outcomes) {
    json::Object one = {{"outcome", outcome_name(outcome.kind)},
                        {"signal", signal_name(outcome.signal)},
                        {"central_reference", outcome.central_reference},
                        {"reason", outcome.reason},
                        {"look_up", rehearsal.found},
                        {"requests", outcome.requests},
                        {"left", as_json(outcome.left)}};
    if (outcome.retry_after)
      one.emplace_back("retry_after_s",
                       std::chrono::ceil<std::chrono::seconds>(*outcome.retry_after).count());
    outcomes.emplace_back(std::move(one));
  }
  json::Object out{{"exchanges", std::move(exchanges)}, {"outcomes", std::move(outcomes)}};
  if (rehearsal.page) {
    const auto& page = *rehearsal.page;
    out.emplace_back("read_back",
                     page ? as_json(*page) : json::Value(json::Object{{"error", page.error().detail}}));
  }
  return out;
}

Exit no_answer_left(const Context& context) {
  if (!context.json)
    print(
        "= not known: there is no answer to the last request; give it with --answers, or send it with "
        "--live\n");
  return Exit::kNo;
}

Exit told_page(const Context& context, const Rehearsal& rehearsal) {
  if (!rehearsal.page) return no_answer_left(context);
  const auto& page = *rehearsal.page;
  if (context.json) return page ? Exit::kDone : Exit::kNo;
  if (!page) {
    print("= " + printable(page.error().detail) + "\n");
    return Exit::kNo;
  }
  for (const CentralRow& row : page->rows) {
    print(printable(fmt::format("= {} {} as {}: {} {}, {}", row.reference, row.step, row.central_reference,
                                row.total.value_or("-"), row.currency.value_or("-"), row.recorded_at)) +
          "\n");
  }
  print(page->next ? "= more: --cursor " + printable(*page->next) + "\n" : "= and no more\n");
  return Exit::kDone;
}

Exit told(const Context& context, const TryOptions& options, const Rehearsal& rehearsal) {
  if (context.json) {
    print(json::dump(as_json(rehearsal)) + "\n");
  } else {
    for (const auto& exchange : rehearsal.exchanges) print_exchange(exchange);
    for (const Outcome& outcome : rehearsal.outcomes) {
      std::string line = rehearsal.found.empty() ? std::string(outcome_name(outcome.kind)) : rehearsal.found;
      if (!outcome.central_reference.empty()) line += " as " + outcome.central_reference;
      if (!outcome.reason.empty()) line += ": " + outcome.reason;
      print("= " + printable(line) + "\n");
    }
  }
  if (!options.read_back.empty()) return told_page(context, rehearsal);
  if (rehearsal.outcomes.empty()) return no_answer_left(context);
  const bool good =
      std::all_of(rehearsal.outcomes.begin(), rehearsal.outcomes.end(),
                  [](const Outcome& outcome) { return outcome.kind == OutcomeKind::kDelivered; });
  return good || rehearsal.found == "absent" ? Exit::kDone : Exit::kNo;
}

Exit run_try(const Context& context, const TryOptions& options) {
  if (options.document_files.empty() == options.read_back.empty())
    return fail(usage("write --document FILE, or --read-back DAY"));
  auto loaded = load_connector(options.file);
  if (!loaded.mistakes.empty())
    return fail(Exit::kUsage,
                loaded.mistakes.front().text() + "; `tillsync connector check` lists every mistake");
  auto settings = settings_for(context, options);
  if (!settings) return fail(settings.error());
  auto target = target_of(*settings, options);
  if (!target) return fail(target.error());
  RehearsalPlan plan;
  plan.target = options.target.empty() ? "target" : options.target;
  plan.settings = std::move(*target);
  if (loaded.connector.session) plan.settings.auth.kind = "session";
  if (loaded.connector.session && plan.settings.auth.password.empty()) {
    plan.settings.auth.user = "user";
    plan.settings.auth.password = {"file:password"};  // nothing reads it where nothing is sent
  }
  auto parameters = parameters_of(loaded.connector, plan.settings, options);
  if (!parameters) return fail(parameters.error());
  plan.parameters = std::move(*parameters);
  if (!options.read_back.empty()) {
    auto day = BusinessDay::parse(options.read_back);
    if (!day) return fail(usage("--read-back: " + day.error().detail));
    plan.read_back = *day;
    plan.store = settings->store.id;
    if (!options.cursor.empty()) plan.cursor = options.cursor;
  }
  for (const std::string& file : options.document_files) {
    const Sequence sequence{static_cast<std::int64_t>(plan.deliveries.size()) + 1};
    auto delivery = delivery_of(*settings, options, file, sequence, plan.target);
    if (!delivery) return fail(delivery.error());
    plan.deliveries.push_back(std::move(*delivery));
  }
  auto answers = read_answers(options.answers_file);
  if (!answers) return fail(answers.error());
  plan.answers = std::move(*answers);
  plan.look_up = options.look_up;
  plan.live = options.live;
  keep_memory_out_of_core_files();
  plan.connector = std::make_shared<const Connector>(std::move(loaded.connector));
  jq::Mapper mapper({own_program(), "jq-worker"});
  const auto rehearsal = rehearse(std::move(plan), mapper, context.clock);
  if (!rehearsal) return fail(rehearsal.error());
  return told(context, options, *rehearsal);
}

}  // namespace

void add_connector_try(CLI::App& connector, Context& context) {
  auto options = std::make_shared<TryOptions>();
  CLI::App* command = add_command(
      connector, context,
      {"try", "shows what a connector makes of a document: each request, each answer, the outcome",
       "  tillsync connector try acme.toml --document sale.json\n"
       "  tillsync connector try acme.toml --document sale.json --answers answers.ndjson\n"
       "  tillsync connector try acme.toml --document sale.json --target erp --live\n"
       "  tillsync connector try acme.toml --read-back 2026-11-23 --answers answers.ndjson\n",
       "0 delivered (or absent, of a look-up; or a page, of a read-back); 1 any other outcome, or answers "
       "are\n"
       "  missing; 2 usage or settings"},
      JsonOption::kOffered);
  command->add_option("FILE", options->file, "the connector file")->required();
  CLI::Option* document =
      command->add_option("--document", options->document_files,
                          "file with one document, as a till posts it; several make a batch");
  CLI::Option* read_back = command->add_option(
      "--read-back", options->read_back, "reads back what the target has of a day, YYYY-MM-DD: one page");
  command->add_option("--cursor", options->cursor, "of a read-back: where the page before ended")
      ->needs(read_back);
  read_back->excludes(document);
  command->add_option(
      "--answers", options->answers_file,
      "what the target is to answer, one line each: {\"status\":200,\"headers\":{},\"body\":{}}");
  command->add_option("--target", options->target,
                      "a target of the settings: its address, parameters and sign-in");
  command->add_option("--parameter", options->parameters, "NAME=VALUE, in the place of the target's");
  command->add_option("--step", options->step, "the route's step (default: the target's name)");
  command->add_flag("--look-up", options->look_up, "looks the document up instead of sending it")
      ->needs(document);
  command->add_flag("--live", options->live, "really sends: the target books what it takes");
  command->callback([&context, options] { context.exit = run_try(context, *options); });
}

}  // namespace tillsync::cli
