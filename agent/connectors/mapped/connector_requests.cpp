#include "agent/connectors/mapped/connector_requests.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "config/checks.h"
#include "config/section.h"

namespace tillsync::connector_file {
namespace {

using config::Node;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string check_request_name(std::string_view value) {
  return config::is_name(value) ? "" : "must be 1 to 32 of the letters a-z 0-9 _ -";
}

std::string check_method(std::string_view value) {
  constexpr std::array<std::string_view, 5> kMethods = {"GET", "POST", "PUT", "PATCH", "DELETE"};
  if (std::find(kMethods.begin(), kMethods.end(), value) != kMethods.end()) return {};
  return R"(must be one of "GET", "POST", "PUT", "PATCH", "DELETE", not ")" + std::string(value) + "\"";
}

std::optional<RequestSpec::BodyKind> body_kind_of(std::string_view name) {
  if (name == "json") return RequestSpec::BodyKind::kJson;
  if (name == "text") return RequestSpec::BodyKind::kText;
  if (name == "form") return RequestSpec::BodyKind::kForm;
  return std::nullopt;
}

std::string check_body_kind(std::string_view value) {
  return body_kind_of(value) ? ""
                             : R"(must be one of "json", "text", "form", not ")" + std::string(value) + "\"";
}

/// The keys of a request that are words.
struct RequestWords {
  std::string name;
  std::string method = "POST";
  std::string body_kind = "json";
  bool reads = false;
};

const std::vector<config::Key<RequestWords>>& word_keys() {
  static const std::vector<config::Key<RequestWords>> keys = {
      {"name", &RequestWords::name, 0, 0, check_request_name},
      {"method", &RequestWords::method, 0, 0, check_method},
      {"body_kind", &RequestWords::body_kind, 0, 0, check_body_kind},
      {"reads", &RequestWords::reads},
  };
  return keys;
}

/// "" where a URL's path and query may hold the text as it is.
std::string path_fault(std::string_view literal) {
  const auto odd = std::find_if(literal.begin(), literal.end(), [](char c) {
    return c <= ' ' || c >= '\x7f' || std::string_view("{}#\"<>\\^`|").find(c) != std::string_view::npos;
  });
  if (odd == literal.end()) return {};
  if (*odd == '{' || *odd == '}')
    return "holds a brace, which no URL may; a jq expression stands in single braces, and a brace is written "
           "%7B or %7D";
  const bool shows = *odd > ' ';
  return "holds " +
         (shows ? "\"" + std::string(1, *odd) + "\"" : "a blank, a control character or one beyond ASCII") +
         ", which no path of a URL may; percent-encode it" +
         (*odd == ' '   ? " (%20)"
          : *odd == '#' ? " (%23)"
                        : "");
}

void read_path(const Node& table, const std::string& where, RequestSpec& request, Source& source) {
  const Node* node = table.find("path");
  if (node == nullptr) {
    source.mistakes.add(table.line,
                        where +
                            " path is missing; write what follows the target's base_url, e.g. path = "
                            "\"/orders\"");
    return;
  }
  auto path = read_template(*node, "path", where, source);
  if (!path) return;
  if (path->parts.front().jq || !path->parts.front().text.starts_with('/')) {
    source.mistakes.add(node->line, where + " path must begin with /; it follows the target's base_url");
  }
  for (const Template::Part& part : path->parts) {
    const std::string fault = part.jq ? "" : path_fault(part.text);
    if (!fault.empty()) source.mistakes.add(part.first_line, where + " path " + fault);
  }
  request.path = std::move(*path);
}

/// "" or why a connector may not set the header.
std::string header_name_fault(const std::string& name, bool may_authorize) {
  const std::string wrong = config::check_header_name(name);
  if (!wrong.empty()) return wrong;
  const std::string folded = lower(name);
  if (folded == "authorization" && !may_authorize)
    return "is not the connector's to set; the target's settings say how it signs in ([targets.NAME.auth])";
  constexpr std::array<std::string_view, 4> kOurs = {"host", "content-length", "transfer-encoding",
                                                     "connection"};
  const bool ours = std::find(kOurs.begin(), kOurs.end(), folded) != kOurs.end();
  return ours ? "is not the connector's to set; take it out" : "";
}

void read_header(const std::string& name, const Node& node, const RequestRules& rules, RequestSpec& request,
                 Source& source) {
  const std::string key = "header \"" + name + "\"";
  const std::string& where = rules.where;
  const auto told = [&](const std::string& fault) {
    if (!fault.empty()) source.mistakes.add(node.line, where + " " + key + " " + fault);
    return !fault.empty();
  };
  if (told(header_name_fault(name, rules.may_authorize))) return;
  const bool again = std::any_of(request.headers.begin(), request.headers.end(),
                                 [&](const auto& other) { return lower(other.first) == lower(name); });
  if (again) {
    told("stands there twice (capitals do not count); take one out");
    return;
  }
  auto value = read_template(node, name, where, source);
  if (!value) return;
  for (const Template::Part& part : value->parts) {
    const bool breaks = !part.jq && part.text.find_first_of("\r\n") != std::string::npos;
    if (breaks && told("must be one line; take the line end out")) return;
  }
  request.headers.emplace_back(name, std::move(*value));
}

void read_headers(const Node& table, const RequestRules& rules, RequestSpec& request, Source& source) {
  const std::string& where = rules.where;
  const Node* headers = table.find("headers");
  if (headers == nullptr) return;
  if (headers->kind != Node::Kind::kTable) {
    source.mistakes.add(headers->line, where +
                                           " headers must be a table, e.g. headers = {\"Prefer\" = "
                                           "\"return=minimal\"}, not " +
                                           std::string(headers->kind_name()));
    return;
  }
  if (headers->members.size() > kHeadersMax) {
    source.mistakes.add(headers->line, where + " has more than 64 headers; take some out");
    return;
  }
  for (const auto& [name, node] : headers->members) read_header(name, node, rules, request, source);
}

std::optional<JqText> read_optional(const Node& table, std::string_view key, const std::string& where,
                                    Source& source) {
  const Node* node = table.find(key);
  return node == nullptr ? std::nullopt : read_program(*node, key, where, source);
}

void check_names(const std::vector<RequestSpec>& requests, const Node& list, const std::string& where,
                 Source& source) {
  if (requests.size() < 2) return;
  std::set<std::string> names;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Node* name = list.items[i].find("name");
    if (name == nullptr) {
      source.mistakes.add(requests[i].line,
                          where +
                              " name is missing; where there are several requests each has its "
                              "own, e.g. name = \"create\"");
    } else if (!names.insert(requests[i].name).second) {
      source.mistakes.add(name->line, where + " name \"" + requests[i].name +
                                          "\" is taken by a request above; give each its own");
    }
  }
}

}  // namespace

RequestSpec read_request(const Node& table, const RequestRules& rules, Source& source) {
  RequestSpec request;
  request.line = table.line;
  request.name = rules.name;
  if (table.kind != Node::Kind::kTable) {
    source.mistakes.add(table.line, rules.where + " must be a table, not " + std::string(table.kind_name()));
    return request;
  }
  std::vector<std::string> others = {"path", "headers", "body", "answer"};
  if (rules.may_be_passed_over) others.emplace_back("when");
  RequestWords words;
  words.name = rules.name;
  config::read_section(table, rules.where, word_keys(), words, source.mistakes, others);
  request.name = words.name;
  request.method = words.method;
  request.reads = words.reads || words.method == "GET";
  request.body_kind = *body_kind_of(words.body_kind);
  read_path(table, rules.where, request, source);
  read_headers(table, rules, request, source);
  if (rules.may_be_passed_over) request.when = read_optional(table, "when", rules.where, source);
  request.body = read_optional(table, "body", rules.where, source);
  request.answer = read_optional(table, "answer", rules.where, source);
  if (const Node* kind = table.find("body_kind"); kind != nullptr && table.find("body") == nullptr) {
    source.mistakes.add(kind->line, rules.where +
                                        " body_kind says how `body` is sent, and there is none; write body, "
                                        "or take body_kind out");
  }
  if (!rules.answer_tells.empty() && table.find("answer") == nullptr) {
    source.mistakes.add(table.line, rules.where + " answer is missing; write the jq program that tells " +
                                        rules.answer_tells);
  }
  return request;
}

std::vector<RequestSpec> read_requests(const Node& table, const OperationRules& rules, Source& source) {
  const std::string where = "[[" + rules.name + ".requests]]";
  const Node* list = table.find("requests");
  if (list == nullptr || (list->kind == Node::Kind::kArray && list->items.empty())) {
    source.mistakes.add(list == nullptr ? table.line : list->line,
                        rules.where + " has no request; write " + where + " with at least a path below it");
    return {};
  }
  if (list->kind != Node::Kind::kArray) {
    source.mistakes.add(list->line, rules.where + " requests must be tables " + where + ", not " +
                                        std::string(list->kind_name()));
    return {};
  }
  if (list->items.size() > (rules.one_request ? 1 : kRequestsMax)) {
    source.mistakes.add(rules.one_request ? list->items[1].line : list->line,
                        rules.one_request ? rules.where + " has exactly one request; take the others out"
                                          : rules.where + " has more than 64 requests; take some out");
    return {};
  }
  std::vector<RequestSpec> requests;
  for (const Node& item : list->items) {
    RequestRules of_request;
    of_request.where = where;
    if (&item == &list->items.back()) of_request.answer_tells = rules.answer_tells;
    requests.push_back(read_request(item, of_request, source));
  }
  check_names(requests, *list, where, source);
  return requests;
}

std::vector<TypeAt> read_types(const Node& table, const OperationRules& rules, Source& source) {
  const Node* list = table.find("types");
  const std::string where = rules.where + " types";
  if (list == nullptr) {
    source.mistakes.add(table.line,
                        where + " is missing; write which documents it is for, e.g. types = [\"sale\"]");
    return {};
  }
  if (list->kind != Node::Kind::kArray || list->items.empty()) {
    const bool empty = list->kind == Node::Kind::kArray;
    source.mistakes.add(list->line, where + (empty ? " is empty" : " must be an array of document types") +
                                        "; write e.g. types = [\"sale\", \"return\"]");
    return {};
  }
  std::vector<std::string> known;
  for (const DocumentType type : kDocumentTypes) known.emplace_back(type_name(type));
  std::vector<TypeAt> types;
  bool good = true;
  const auto wrong = [&](const Node& item, const std::string& fault) {
    source.mistakes.add(item.line, where + " " + fault);
    good = false;
  };
  for (const Node& item : list->items) {
    const auto type = item.kind == Node::Kind::kString ? type_from_name(item.text) : std::nullopt;
    if (item.kind != Node::Kind::kString) {
      wrong(item, "must hold strings in quotes, not " + std::string(item.kind_name()));
    } else if (!type) {
      const std::string hint = did_you_mean(item.text, known);
      wrong(item,
            "has \"" + item.text + "\", which is no document type" +
                (hint.empty() ? "; there are sale, return, stock_adjustment, stock_count, stock_transfer, "
                                "customer_update and till_close"
                              : hint));
    } else if (std::any_of(types.begin(), types.end(),
                           [&](const TypeAt& other) { return other.first == *type; })) {
      wrong(item, "has \"" + item.text + "\" twice; take one out");
    } else {
      types.emplace_back(*type, item.line);
    }
  }
  return good ? types : std::vector<TypeAt>();
}

}  // namespace tillsync::connector_file
