#include "agent/cli/connector_view.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "agent/cli/table.h"
#include "agent/connectors/mapped/connector_parameters.h"
#include "platform/log/printable.h"

namespace tillsync::cli {
namespace {

constexpr std::size_t kDefaultBytesShown = 60;
constexpr std::size_t kFaultBytesMax = 1024;  // of libjq's words

struct NamedOperation {
  std::string name;
  std::vector<std::string> types;  ///< empty: it asks for none
  std::vector<std::string> requests;
};

NamedOperation named(const std::string& name, const Operation& operation) {
  NamedOperation out{name, {}, {}};
  for (const DocumentType type : operation.types) out.types.emplace_back(type_name(type));
  for (const RequestSpec& request : operation.requests) out.requests.push_back(request.name);
  return out;
}

std::vector<NamedOperation> operations_of(const Connector& connector) {
  std::vector<NamedOperation> all;
  if (connector.session) all.push_back({"session", {}, {connector.session->login.name}});
  for (const Operation& operation : connector.submit) all.push_back(named("submit", operation));
  for (const Operation& operation : connector.submit_batch) all.push_back(named("submit_batch", operation));
  for (const Operation& operation : connector.lookup) all.push_back(named("lookup", operation));
  if (connector.read_back) all.push_back(named("read_back", *connector.read_back));
  for (const auto& [what, operation] : connector.fetch)
    all.push_back(named("fetch " + std::string(fetch_name(what)), operation));
  return all;
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out.empty() ? "-" : out;
}

json::Array array_of(const std::vector<std::string>& words) {
  json::Array out;
  for (const std::string& word : words) out.emplace_back(word);
  return out;
}

std::string parameters_text(const Connector& connector, std::size_t width) {
  if (connector.parameters.empty()) return {};
  Table table{{"PARAMETER", "KIND", "DEFAULT", "WHAT IT IS"}, {}, {}};
  for (const auto& [name, parameter] : connector.parameters) {
    table.rows.push_back({printable(name), std::string(connector_file::parameter_kind_name(parameter.kind)),
                          parameter.otherwise
                              ? printable(json::dump(*parameter.otherwise), kDefaultBytesShown)
                              : "(must be given)",
                          printable(parameter.about)});
  }
  return "\n" + table.text(width, 2);
}

std::string seconds_text(std::chrono::milliseconds time) {
  std::string text = std::to_string(time.count() / 1000);
  if (const auto rest = time.count() % 1000; rest != 0) {
    text += "." + std::to_string(1000 + rest).substr(1);
    while (text.back() == '0') text.pop_back();
  }
  return text;
}

std::string limits_text(const ConnectorLimits& limits) {
  std::string out;
  if (limits.burst_requests > 0)
    out += "  up to " + std::to_string(limits.burst_requests) + " requests in " +
           seconds_text(limits.burst_window) + " s, unless the target's settings say otherwise\n";
  if (limits.day_requests > 0)
    out += "  up to " + std::to_string(limits.day_requests) +
           " requests in 24 hours, unless the target's settings say otherwise\n";
  if (limits.report) out += "  answers tell what is left of the limits\n";
  return out;
}

json::Value limits_json(const ConnectorLimits& limits) {
  return json::Object{{"burst_requests", limits.burst_requests},
                      {"burst_window_s", json::Value(json::Number{seconds_text(limits.burst_window)})},
                      {"day_requests", limits.day_requests},
                      {"report", limits.report.has_value()}};
}

/// What the mapper says of a program, "line 3: WHAT", taken apart; line 1 where it names none.
std::pair<std::int64_t, std::string_view> line_and_fault(std::string_view said) {
  constexpr std::string_view kWord = "line ", kBehind = ": ";
  if (!said.starts_with(kWord)) return {1, said};
  const std::string_view digits = said.substr(kWord.size());
  std::int64_t line = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), line);
  const std::string_view rest = digits.substr(static_cast<std::size_t>(end - digits.data()));
  if (fault != std::errc() || line < 1 || !rest.starts_with(kBehind)) return {1, said};
  return {line, rest.substr(kBehind.size())};
}

std::int64_t last_line_of(const JqText& program) {
  std::string_view text = program.text;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return program.first_line + std::count(text.begin(), text.end(), '\n');
}

}  // namespace

std::string connector_text(const Connector& connector, std::size_t width) {
  std::string out;
  if (!connector.about.empty()) out += "  " + printable(connector.about) + "\n";
  Table table{{"OPERATION", "TYPES", "REQUESTS"}, {}, {}};
  for (const NamedOperation& operation : operations_of(connector))
    table.rows.push_back({operation.name, listed(operation.types), listed(operation.requests)});
  out += "\n" + table.text(width, 2) + parameters_text(connector, width) + "\n";
  const bool alike = connector.submit_batch.size() < 2;
  for (const Operation& operation : connector.submit_batch) {
    out += "  one request takes up to " + std::to_string(operation.batch_max) + " documents";
    out += alike ? "\n" : " of " + listed(named("", operation).types) + "\n";
  }
  out += "  up to " + std::to_string(connector.concurrency_max) + " requests at a time\n";
  out += limits_text(connector.limits);
  if (!connector.safe_to_resend.empty())
    out +=
        "  nothing is looked up, sending again does no harm: " + printable(connector.safe_to_resend) + "\n";
  if (!connector.read_back) out += "  no [read_back]: reports cannot compare with what this target has\n";
  return out;
}

json::Value connector_json(const Connector& connector) {
  json::Array operations;
  for (const NamedOperation& operation : operations_of(connector)) {
    operations.emplace_back(json::Object{{"operation", operation.name},
                                         {"types", array_of(operation.types)},
                                         {"requests", array_of(operation.requests)}});
  }
  json::Array parameters;
  for (const auto& [name, parameter] : connector.parameters) {
    json::Object one{{"name", name}, {"kind", connector_file::parameter_kind_name(parameter.kind)}};
    if (parameter.otherwise) one.emplace_back("default", *parameter.otherwise);
    one.emplace_back("about", parameter.about);
    parameters.emplace_back(std::move(one));
  }
  json::Object out{{"name", connector.name},
                   {"about", connector.about},
                   {"operations", std::move(operations)},
                   {"parameters", std::move(parameters)},
                   {"concurrency_max", connector.concurrency_max},
                   {"batch_max", connector.batch_max()},
                   {"limits", limits_json(connector.limits)}};
  if (!connector.safe_to_resend.empty()) out.emplace_back("safe_to_resend", connector.safe_to_resend);
  return out;
}

SettingsMistake program_mistake(const std::string& file, const NamedProgram& program, std::string_view said,
                                std::int64_t lines_before) {
  const auto [told, fault] = line_and_fault(said);
  const std::int64_t line = std::max<std::int64_t>(1, told - lines_before);
  // What is missing at a program's end may be missed behind its last line.
  const std::int64_t at = std::min(program.program.first_line + line - 1, last_line_of(program.program));
  return {file, at, program.what + ": " + printable(fault, kFaultBytesMax) + "; mend the jq program"};
}

SettingsMistake unfinished_program(const std::string& file, const NamedProgram& program) {
  return {file, last_line_of(program.program),
          program.what +
              ": it only defines something, or is a comment; end it with the expression whose output counts"};
}

}  // namespace tillsync::cli
