// A connector file as plain values: which requests make up each operation, and the jq programs that map
// between documents and a target's own language. Reading and checking it talks to nobody; connector_engine.h
// runs it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.h"
#include "outbox/document/document.h"
#include "platform/json/json.h"

namespace tillsync {

/// A jq program as it stands in the file.
struct JqText {
  std::string text;
  std::int64_t line = 0;        ///< of the file, where its key stands
  std::int64_t first_line = 0;  ///< of the file, where its first line stands: what jq calls line 1
};

/// Text with jq expressions in braces: `/{.parameters.database}/sale`. `{{` and `}}` are braces.
struct Template {
  struct Part {
    bool jq = false;
    std::string text;
    std::int64_t first_line = 0;  ///< of the file
  };
  std::vector<Part> parts;
  std::int64_t line = 0;
  bool empty() const { return parts.empty(); }
};

/// The programs of a request as they run, put together once, when the file is read.
struct RequestPrograms {
  std::string request;             ///< request_program()
  std::string answer;              ///< answer_program(); "" where the file has none
  std::string answer_with_report;  ///< both in one, see report_program(); "" without either
};

/// One HTTP request, and what its answer means.
struct RequestSpec {
  enum class BodyKind {
    kJson,  ///< the program's output, as JSON
    kText,  ///< its output is a string: the body itself
    kForm,  ///< its output is an object of strings: application/x-www-form-urlencoded
  };
  std::string name;  ///< letters a-z 0-9 _ -; of its own within the operation
  std::int64_t line = 0;
  std::string method = "POST";
  bool reads = false;  ///< it changes nothing at the target: a GET, or one that the file says so of
  Template
      path;  ///< begins with "/"; behind the target's base_url. What its expressions give is percent-encoded
  std::vector<std::pair<std::string, Template>> headers;  ///< what their expressions give goes in as it is
  std::optional<JqText> when;                             ///< false: the request is passed over
  std::optional<JqText> body;
  BodyKind body_kind = BodyKind::kJson;
  std::optional<JqText> answer;  ///< nothing: as CONTRACT section 8 has it
  RequestPrograms programs;
};

/// Requests in their order.
struct Operation {
  std::int64_t line = 0;
  std::vector<DocumentType> types;  ///< those it serves; empty: all
  std::vector<RequestSpec> requests;
  std::int64_t batch_max = 1;  ///< of submit_batch: documents in a request
  bool serves(DocumentType type) const;
};

/// What central can be asked for, by the views of CONTRACT section 6.
enum class FetchWhat { kCustomer, kStock, kPrice, kRefundPolicy };
inline constexpr FetchWhat kFetchWhats[] = {FetchWhat::kCustomer, FetchWhat::kStock, FetchWhat::kPrice,
                                            FetchWhat::kRefundPolicy};
/// "customer", "stock", "price", "refund_policy".
std::string_view fetch_name(FetchWhat what);
std::optional<FetchWhat> fetch_from_name(std::string_view name);

/// What a target's settings have to say beside the fixed keys, in its table `parameters`.
struct Parameter {
  enum class Kind { kString, kInteger, kBoolean, kObject, kArray };
  Kind kind = Kind::kString;
  std::string about;
  std::optional<json::Value> otherwise;  ///< nothing: the target must give it
};

/// Signing in: a request whose answer gives the headers that all others carry.
struct SessionSpec {
  RequestSpec login;
};

/// What the target's vendor sets, to all callers or to each user.
struct ConnectorLimits {
  std::int64_t burst_requests = 0;  ///< in any burst_window; 0: no limit
  std::chrono::milliseconds burst_window{10'000};
  std::int64_t day_requests = 0;  ///< in any 24 hours; 0: no limit
  std::optional<JqText> report;   ///< how an answer tells what is left
};

struct Connector {
  std::string name;  ///< the file's, without ".toml"
  std::string file;
  std::string about;
  std::optional<JqText> functions;  ///< definitions that every program of the file may use
  std::map<std::string, Parameter> parameters;
  std::optional<SessionSpec> session;
  std::vector<Operation> submit;
  std::vector<Operation> submit_batch;  ///< those of one type's documents that go together
  std::vector<Operation> lookup;
  /// Instead of a look-up: why what was sent may simply be sent again, for ever. "" where it may not.
  std::string safe_to_resend;
  std::optional<Operation> read_back;
  ConnectorLimits limits;
  std::string report_program;  ///< report_program(), put together when the file is read
  std::map<FetchWhat, Operation> fetch;
  std::int64_t concurrency_max = 256;

  const Operation* submit_of(DocumentType type) const;
  const Operation* lookup_of(DocumentType type) const;
  /// Null where the type's documents go one by one.
  const Operation* batch_of(DocumentType type) const;
  /// Documents in one request of whichever type takes most; 1 without `submit_batch`.
  std::int64_t batch_max() const;
};

struct LoadedConnector {
  Connector connector;                    ///< usable only where `mistakes` is empty
  std::vector<SettingsMistake> mistakes;  ///< every one, in the order of the file
};

/// Reads and checks a connector file, but for its jq programs: see programs_of(). Never throws.
LoadedConnector load_connector(const std::string& file);
LoadedConnector parse_connector(const std::string& text, const std::string& file);

/// Every jq program and expression of the file, for compiling one by one: what it is for ("submit.create
/// body") and where.
struct NamedProgram {
  std::string what;
  JqText program;
};
std::vector<NamedProgram> programs_of(const Connector& connector);

/// The one program that makes a request from its input:
/// {"when": bool, "path": string, "headers": [[name, value], ...], "body": any}. `body` is null where there
/// is none.
std::string request_program(const Connector& connector, const RequestSpec& request);
/// The program that reads its answer; "" where the file has none.
std::string answer_program(const Connector& connector, const RequestSpec& request);
/// The program that reads what an answer says is left of the target's limits: {"left": any, "said": any},
/// `left` null where the report fails or gives no one output. With a request whose answer has a program,
/// `said` is that one's output; else it is null. "" where the file has no report.
std::string report_program(const Connector& connector, const RequestSpec* request = nullptr);
/// Fills in RequestPrograms of all requests, and Connector::report_program.
void make_programs(Connector& connector);

/// What a target's table `parameters` gives, with the defaults filled in, as an object; or what is wrong,
/// each with its cure and worded to follow "[targets.NAME.parameters] ".
struct FilledParameters {
  json::Value values;
  std::vector<std::string> mistakes;
};
FilledParameters fill_parameters(const Connector& connector, const json::Value& given);

}  // namespace tillsync
