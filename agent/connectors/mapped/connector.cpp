#include "agent/connectors/mapped/connector.h"

#include <algorithm>

#include "agent/connectors/plain_text.h"

namespace tillsync {
namespace {

constexpr std::size_t kShownBytesMax = 80;  // of an expression, in the error that it may give

const Operation* serving(const std::vector<Operation>& operations, DocumentType type) {
  const auto found = std::find_if(operations.begin(), operations.end(),
                                  [type](const Operation& operation) { return operation.serves(type); });
  return found == operations.end() ? nullptr : &*found;
}

/// The programs of an operation's requests, in the order in which they run.
class Collector {
 public:
  void add(const std::string& operation, const RequestSpec& request) {
    const std::string what = operation + "." + request.name;
    add(what + " when", request.when);
    add(what + " path", request.path);
    for (const auto& [name, value] : request.headers) add(what + " header " + name, value);
    add(what + " body", request.body);
    add(what + " answer", request.answer);
  }
  void add(const std::string& name, const Operation& operation) {
    for (const RequestSpec& request : operation.requests) add(name, request);
  }
  void add(const std::string& what, const std::optional<JqText>& program) {
    if (program) programs_.push_back({what, *program});
  }
  std::vector<NamedProgram> take() { return std::move(programs_); }

 private:
  void add(const std::string& what, const Template& text) {
    for (const Template::Part& part : text.parts) {
      if (part.jq) programs_.push_back({what, JqText{part.text, text.line, part.first_line}});
    }
  }

  std::vector<NamedProgram> programs_;
};

/// Lines of their own keep a comment at the program's end from swallowing the parenthesis.
std::string in_parentheses(const std::string& program) {
  return "(\n" + program + "\n)";
}

std::string quoted(std::string_view text) {
  std::string out;
  json::quote_to(out, text);
  return out;
}

/// A jq expression that puts the text together; `finish` is what each expression's output, as text, still
/// goes through.
std::string joined(const Template& text, const std::string& where, const std::string& finish) {
  std::string out = "(";
  for (const Template::Part& part : text.parts) {
    if (out.size() > 1) out += " + ";
    if (part.jq) {
      const std::string shown = where + ": " + one_line(part.text, kShownBytesMax);
      out += "(" + in_parentheses(part.text) + " | tillsync_text(" + quoted(shown) + ") | " + finish + ")";
    } else {
      out += quoted(part.text);
    }
  }
  return (out.size() > 1 ? out : out + "\"\"") + ")";
}

// A missing value must never become the word "null" in a URL, and no value begins a header of its own.
constexpr const char* kDefinitions =
    "def tillsync_text($what): if type | . == \"null\" or . == \"object\" or . == \"array\"\n"
    "  then error($what + \" gives \" + type) else tostring end;\n"
    "def tillsync_line($what): if explode | any(. < 32 or . == 127)\n"
    "  then error($what + \" has a line end or another control character\") else . end;\n";

/// A line of its own keeps a comment at their end from swallowing what follows.
std::string definitions_of(const Connector& connector) {
  return connector.functions ? connector.functions->text + "\n" : std::string();
}

}  // namespace

bool Operation::serves(DocumentType type) const {
  return types.empty() || std::find(types.begin(), types.end(), type) != types.end();
}

std::string_view fetch_name(FetchWhat what) {
  switch (what) {
    case FetchWhat::kCustomer:
      return "customer";
    case FetchWhat::kStock:
      return "stock";
    case FetchWhat::kPrice:
      return "price";
    case FetchWhat::kRefundPolicy:
      return "refund_policy";
  }
  return {};
}

std::optional<FetchWhat> fetch_from_name(std::string_view name) {
  for (const FetchWhat what : kFetchWhats) {
    if (fetch_name(what) == name) return what;
  }
  return std::nullopt;
}

const Operation* Connector::submit_of(DocumentType type) const {
  return serving(submit, type);
}

const Operation* Connector::lookup_of(DocumentType type) const {
  return serving(lookup, type);
}

const Operation* Connector::batch_of(DocumentType type) const {
  return serving(submit_batch, type);
}

std::int64_t Connector::batch_max() const {
  std::int64_t most = 1;
  for (const Operation& operation : submit_batch) most = std::max(most, operation.batch_max);
  return most;
}

std::vector<NamedProgram> programs_of(const Connector& connector) {
  Collector collector;
  if (connector.session) collector.add("session", connector.session->login);
  for (const Operation& operation : connector.submit) collector.add("submit", operation);
  for (const Operation& operation : connector.submit_batch) collector.add("submit_batch", operation);
  for (const Operation& operation : connector.lookup) collector.add("lookup", operation);
  if (connector.read_back) collector.add("read_back", *connector.read_back);
  collector.add("limits report", connector.limits.report);
  for (const auto& [what, operation] : connector.fetch)
    collector.add("fetch." + std::string(fetch_name(what)), operation);
  return collector.take();
}

std::string answer_program(const Connector& connector, const RequestSpec& request) {
  return request.answer ? definitions_of(connector) + request.answer->text : std::string();
}

std::string request_program(const Connector& connector, const RequestSpec& request) {
  const std::string definitions = kDefinitions + definitions_of(connector);
  std::string headers;
  for (const auto& [name, value] : request.headers) {
    const std::string what = "header " + name;
    headers += (headers.empty() ? "[" : ", [") + quoted(name) + ", " +
               joined(value, what, "tillsync_line(" + quoted(what) + ")") + "]";
  }
  const std::string parts =
      "{\"when\": true, \"path\": " + joined(request.path, "path", "@uri") + ", \"headers\": [" + headers +
      "], \"body\": " + (request.body ? in_parentheses(request.body->text) : "null") + "}";
  if (!request.when) return definitions + parts;
  return definitions + ("if " + in_parentheses(request.when->text)) + " then " + parts +
         " else {\"when\": false} end";
}

std::string report_program(const Connector& connector, const RequestSpec* request) {
  const auto& report = connector.limits.report;
  if (!report) return {};
  // Whatever the report does, what the answer means is not to change by it: it is caught, counted and kept
  // apart.
  const bool reads = request != nullptr && request->answer;
  return definitions_of(connector) + "{\"left\": ([try " + in_parentheses(report->text) +
         " catch null] | if length == 1 then .[0] else null end), \"said\": " +
         (reads ? in_parentheses(request->answer->text) : "null") + "}";
}

void make_programs(Connector& connector) {
  connector.report_program = report_program(connector);
  const auto make = [&connector](std::vector<RequestSpec>& requests) {
    for (RequestSpec& request : requests) {
      request.programs.request = request_program(connector, request);
      request.programs.answer = answer_program(connector, request);
      if (request.answer) request.programs.answer_with_report = report_program(connector, &request);
    }
  };
  for (Operation& operation : connector.submit) make(operation.requests);
  for (Operation& operation : connector.lookup) make(operation.requests);
  for (Operation& operation : connector.submit_batch) make(operation.requests);
  if (connector.read_back) make(connector.read_back->requests);
  for (auto& [what, operation] : connector.fetch) make(operation.requests);
  if (connector.session) {
    RequestSpec& login = connector.session->login;
    login.programs = {request_program(connector, login), answer_program(connector, login), {}};
  }
}

}  // namespace tillsync
