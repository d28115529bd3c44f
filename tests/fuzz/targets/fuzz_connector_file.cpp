// A connector file: every mistake with its line and a cure; what has no mistake is within the limits that the
// engine counts on, and its requests become programs.
#include <algorithm>

#include "agent/connectors/mapped/connector.h"
#include "config/checks.h"
#include "tests/fuzz/support.h"

namespace tillsync::fuzz {
namespace {

constexpr const char* kFile = "/etc/tillsync/connectors/erp.toml";

void check_request(const RequestSpec& request, bool answer_needed) {
  FUZZ_CHECK(config::is_name(request.name), "a request has a name");
  FUZZ_CHECK(!request.path.empty(), "a request has a path");
  FUZZ_CHECK(!request.path.parts.front().jq && request.path.parts.front().text.starts_with('/'),
             "a path begins with /");
  for (const auto& part : request.path.parts) {
    FUZZ_CHECK(part.jq || std::all_of(part.text.begin(), part.text.end(),
                                      [](char c) { return c > ' ' && c < '\x7f'; }),
               "a path fits a URL");
  }
  for (const auto& [name, value] : request.headers) {
    FUZZ_CHECK(config::check_header_name(name).empty(), "a header has a name");
    for (const auto& part : value.parts)
      FUZZ_CHECK(part.jq || part.text.find_first_of("\r\n") == std::string::npos, "a header is one line");
  }
  FUZZ_CHECK(!answer_needed || request.answer.has_value(), "what is asked for is told by a program");
  FUZZ_CHECK(is_utf8(request_program(Connector{}, request)), "a program is text");
}

void check_operation(const Operation& operation, bool answer_needed) {
  FUZZ_CHECK(!operation.requests.empty() && operation.requests.size() <= 64, "an operation has requests");
  for (const RequestSpec& request : operation.requests)
    check_request(request, answer_needed && &request == &operation.requests.back());
}

void check_usable(const Connector& connector) {
  FUZZ_CHECK(!connector.submit.empty(), "a connector sends");
  FUZZ_CHECK(connector.concurrency_max >= 1 && connector.concurrency_max <= 256, "so many at a time");
  FUZZ_CHECK(connector.parameters.size() <= 64, "so many parameters");
  if (connector.session) check_request(connector.session->login, true);
  for (const Operation& operation : connector.submit) {
    FUZZ_CHECK(!operation.types.empty(), "what is sent has a type");
    check_operation(operation, false);
    for (const DocumentType type : operation.types) {
      FUZZ_CHECK(connector.submit_of(type) == &operation, "each type is sent in one way");
      FUZZ_CHECK(connector.lookup_of(type) != nullptr || !connector.safe_to_resend.empty(),
                 "what is sent can be found");
    }
  }
  for (const Operation& operation : connector.lookup) check_operation(operation, true);
  for (const Operation& operation : connector.submit_batch) {
    check_operation(operation, true);
    FUZZ_CHECK(operation.batch_max >= 2 && operation.batch_max <= 1000, "so many in a batch");
    for (const DocumentType type : operation.types) {
      FUZZ_CHECK(connector.submit_of(type) != nullptr, "what goes in batches can go alone");
      FUZZ_CHECK(connector.batch_of(type) == &operation, "each type goes in one kind of batch");
    }
  }
  if (connector.read_back) check_operation(*connector.read_back, true);
}

void check(std::string_view text) {
  const LoadedConnector loaded = parse_connector(std::string(text), kFile);
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  for (const auto& mistake : loaded.mistakes) {
    check_detail(mistake.detail);
    FUZZ_CHECK(mistake.line >= 0 && mistake.line <= lines + 1, "a mistake is on a line of the file");
    FUZZ_CHECK(mistake.file == kFile, "a mistake names its file");
  }
  for (const auto& [what, program] : programs_of(loaded.connector)) {
    FUZZ_CHECK(!what.empty() && !program.text.empty(), "a program has a name and a text");
    FUZZ_CHECK(program.line >= 1 && program.first_line >= program.line && program.first_line <= lines + 1,
               "a program stands in the file");
  }
  for (const auto& mistake : fill_parameters(loaded.connector, json::Value(json::Object{{"a", 1}})).mistakes)
    check_detail(mistake);
  if (loaded.mistakes.empty()) check_usable(loaded.connector);
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillsync::fuzz::check(tillsync::fuzz::text_of(data, size));
  return 0;
}
