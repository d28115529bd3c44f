// Reads the requests of one operation of a connector file, and the document types that it serves.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/connectors/mapped/connector.h"
#include "agent/connectors/mapped/connector_source.h"
#include "config/toml_tree.h"

namespace tillsync::connector_file {

inline constexpr std::size_t kRequestsMax = 64;  ///< of one operation
inline constexpr std::size_t kHeadersMax = 64;   ///< of one request

struct RequestRules {
  std::string where;  ///< its table in messages, e.g. "[[submit.requests]]"
  std::string name = "request";
  bool may_be_passed_over = true;  ///< it may have a `when`
  bool may_authorize = false;      ///< it may set the header Authorization
  /// What its answer program has to tell; "" where it may go without one.
  std::string answer_tells;
};

/// What can be read of it; mistakes are told.
RequestSpec read_request(const config::Node& table, const RequestRules& rules, Source& source);

struct OperationRules {
  std::string name;          ///< "submit"
  std::string where;         ///< "[[submit]]"
  bool one_request = false;  ///< exactly one
  std::string
      answer_tells;  ///< what the last request's answer program has to tell; "" where it may go without one
};

/// The requests of an operation's table.
std::vector<RequestSpec> read_requests(const config::Node& table, const OperationRules& rules,
                                       Source& source);

/// A document type, and the line where it stands.
using TypeAt = std::pair<DocumentType, std::int64_t>;
/// The types of an operation's table, each once; nothing where one of them is a mistake.
std::vector<TypeAt> read_types(const config::Node& table, const OperationRules& rules, Source& source);

}  // namespace tillsync::connector_file
