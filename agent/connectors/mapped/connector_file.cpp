// parse_connector() and load_connector(): the file as a whole, and what its parts owe each other.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "agent/connectors/mapped/connector.h"
#include "agent/connectors/mapped/connector_parameters.h"
#include "agent/connectors/mapped/connector_requests.h"
#include "agent/connectors/mapped/connector_source.h"
#include "config/section.h"

namespace tillsync {
namespace connector_file {
namespace {

using config::Node;

constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::size_t kTablesMax = 64;  // of [[submit]], of [[lookup]]: there are seven document types
constexpr std::int64_t kFormat = 1;

std::string quoted(DocumentType type) {
  return "\"" + std::string(type_name(type)) + "\"";
}

class Loader {
 public:
  Loader(const Node& root, Source& source) : root_(root), source_(source) {}

  /// Everything but the name and the file.
  Connector load() {
    if (!check_format()) return {};
    read_top();
    if (const Node* functions = root_.find("functions"))
      connector_.functions = read_program(*functions, "functions", "connector", source_);
    if (const Node* parameters = root_.find("parameters"))
      connector_.parameters = read_parameters(*parameters, source_);
    read_limits();
    read_session();
    connector_.submit = read_list({"submit", "[[submit]]", false, ""}, submits_);
    if (root_.find("submit") == nullptr) {
      source_.mistakes.add(0, "connector has no [[submit]]; write one that says how a document is sent");
      sent_whole_ = false;
    }
    read_batches();
    connector_.lookup =
        read_list({"lookup", "[[lookup]]", false, "whether the target has the document"}, looks_up_);
    read_read_back();
    read_fetches();
    check_lookups();
    return std::move(connector_);
  }

 private:
  /// The lines on which a document type is said to be served.
  using Lines = std::map<DocumentType, std::int64_t>;

  // Another format's keys mean other things: nothing else is looked at.
  bool check_format() {
    const Node* format = root_.find("format");
    if (format != nullptr && format->kind == Node::Kind::kInteger && format->integer == kFormat) return true;
    source_.mistakes.add(format == nullptr ? 0 : format->line,
                         format == nullptr ? "connector format is missing; write format = 1 at its top"
                                           : "connector format is not known; this version reads format 1: "
                                             "write the file in it, or use a newer tillsync");
    return false;
  }

  void read_top() {
    static const std::vector<config::Key<Connector>> keys = {
        {"about", &Connector::about},
        {"concurrency_max", &Connector::concurrency_max, 1, 256},
        {"safe_to_resend", &Connector::safe_to_resend, 0, 0, config::check_not_empty},
    };
    config::read_section(root_, "connector", keys, connector_, source_.mistakes,
                         {"format", "functions", "parameters", "limits", "session", "submit", "submit_batch",
                          "lookup", "read_back", "fetch"});
  }

  /// The table's own keys; false where it is none.
  bool read_table(const Node& table, const std::string& where,
                  const std::vector<config::Key<Connector>>& keys, const std::vector<std::string>& others) {
    config::read_section(table, where, keys, connector_, source_.mistakes, others);
    return table.kind == Node::Kind::kTable;
  }

  void read_limits() {
    const Node* table = root_.find("limits");
    if (table == nullptr) return;
    using L = ConnectorLimits;
    static const std::vector<config::Key<L>> keys = {
        {"burst_requests", &L::burst_requests, 0, 1'000'000},
        {"burst_window_s", &L::burst_window, 0.1, 3600},
        {"day_requests", &L::day_requests, 0, 1'000'000'000},
    };
    config::read_section(*table, "[limits]", keys, connector_.limits, source_.mistakes, {"report"});
    if (table->kind != Node::Kind::kTable) return;
    if (const Node* report = table->find("report"))
      connector_.limits.report = read_program(*report, "report", "[limits]", source_);
  }

  void read_session() {
    const Node* session = root_.find("session");
    if (session == nullptr || !read_table(*session, "[session]", {}, {"login"})) return;
    const Node* login = session->find("login");
    if (login == nullptr) {
      source_.mistakes.add(session->line,
                           "[session] has no login; write [session.login] with at least path and answer");
      return;
    }
    RequestRules rules;
    rules.where = "[session.login]";
    rules.name = "login";
    rules.may_be_passed_over = false;
    rules.may_authorize = true;
    rules.answer_tells = "the headers that a signed-in request carries";
    connector_.session = SessionSpec{read_request(*login, rules, source_)};
  }

  /// [[submit]] or [[lookup]]; `served` gets the types.
  std::vector<Operation> read_list(const OperationRules& rules, Lines& served) {
    const Node* list = root_.find(rules.name);
    std::vector<Operation> operations;
    if (list == nullptr) return operations;
    if (list->kind != Node::Kind::kArray || list->items.empty()) {
      source_.mistakes.add(
          list->line,
          rules.name + " must be tables " + rules.where + ", not " +
              (list->kind == Node::Kind::kArray ? "an empty array" : std::string(list->kind_name())));
      sent_whole_ = false;
      return operations;
    }
    if (list->items.size() > kTablesMax) {
      source_.mistakes.add(list->line, "there are more than 64 tables " + rules.where + "; take some out");
      sent_whole_ = false;
      return operations;
    }
    for (const Node& item : list->items) {
      if (read_table(item, rules.where, {}, {"types", "requests"}))
        operations.push_back(read_operation(item, rules, served));
    }
    return operations;
  }

  Operation read_operation(const Node& table, const OperationRules& rules, Lines& served) {
    Operation operation;
    operation.line = table.line;
    const auto types = read_types(table, rules, source_);
    if (types.empty()) sent_whole_ = false;
    for (const auto& [type, line] : types) {
      const auto [other, first] = served.emplace(type, line);
      if (!first) {
        source_.mistakes.add(line, rules.where + " has " + quoted(type) + " again, which line " +
                                       std::to_string(other->second) + " has; take one out");
      }
      operation.types.push_back(type);
    }
    operation.requests = read_requests(table, rules, source_);
    return operation;
  }

  /// One table [submit_batch] for all types, or several [[submit_batch]].
  void read_batches() {
    const Node* node = root_.find("submit_batch");
    if (node == nullptr) return;
    Lines in_batches;
    if (node->kind != Node::Kind::kArray) {
      read_batch(*node, {"submit_batch", "[submit_batch]", true, "what became of each document"}, in_batches);
    } else if (node->items.empty() || node->items.size() > kTablesMax) {
      source_.mistakes.add(
          node->line, "submit_batch must be one table [submit_batch], or 1 to 64 tables [[submit_batch]]");
    } else {
      for (const Node& item : node->items)
        read_batch(item, {"submit_batch", "[[submit_batch]]", true, "what became of each document"},
                   in_batches);
    }
    if (!sent_whole_) return;
    for (const auto& [type, line] : in_batches) {
      if (submits_.contains(type)) continue;
      source_.mistakes.add(line,
                           "[submit_batch] has " + quoted(type) +
                               ", which no [[submit]] has; add it to one: a document may have to go alone");
    }
  }

  void read_batch(const Node& table, const OperationRules& rules, Lines& in_batches) {
    static const std::vector<config::Key<Operation>> keys = {{"batch_max", &Operation::batch_max, 2, 1000}};
    Operation limits;
    config::read_section(table, rules.where, keys, limits, source_.mistakes, {"types", "requests"});
    if (table.kind != Node::Kind::kTable) return;
    if (table.find("batch_max") == nullptr) {
      source_.mistakes.add(table.line, rules.where +
                                           " batch_max is missing; write how many documents the target takes "
                                           "in one request, e.g. batch_max = 200");
    }
    connector_.submit_batch.push_back(read_operation(table, rules, in_batches));
    connector_.submit_batch.back().batch_max = limits.batch_max;
  }

  void read_read_back() {
    const Node* table = root_.find("read_back");
    if (table == nullptr) return;
    const OperationRules rules{"read_back", "[read_back]", true, "which documents the target has"};
    if (!read_table(*table, rules.where, {}, {"types", "requests"})) return;
    connector_.read_back.emplace();
    connector_.read_back->line = table->line;
    if (table->find("types") != nullptr) read_listed_types(*table, rules);
    connector_.read_back->requests = read_requests(*table, rules, source_);
  }

  void read_listed_types(const Node& table, const OperationRules& rules) {
    for (const auto& [type, line] : read_types(table, rules, source_)) {
      connector_.read_back->types.push_back(type);
      if (!sent_whole_ || submits_.contains(type)) continue;
      source_.mistakes.add(line,
                           rules.where + " lists " + quoted(type) + ", which no [[submit]] has; take it out");
    }
  }

  void read_fetches() {
    const Node* list = root_.find("fetch");
    if (list == nullptr) return;
    const OperationRules rules{"fetch", "[[fetch]]", false, "what the target holds"};
    if (list->kind != Node::Kind::kArray || list->items.empty()) {
      source_.mistakes.add(
          list->line,
          "fetch must be tables [[fetch]], not " +
              (list->kind == Node::Kind::kArray ? "an empty array" : std::string(list->kind_name())));
      return;
    }
    for (const Node& table : list->items) {
      if (!read_table(table, rules.where, {}, {"what", "requests"})) continue;
      Operation operation;
      operation.line = table.line;
      operation.requests = read_requests(table, rules, source_);
      const Node* named = table.find("what");
      const auto what = named != nullptr && named->kind == Node::Kind::kString ? fetch_from_name(named->text)
                                                                               : std::nullopt;
      if (!what) {
        source_.mistakes.add(
            named == nullptr ? table.line : named->line,
            "[[fetch]] what must say what is asked for: \"customer\", \"stock\", \"price\" or "
            "\"refund_policy\"");
      } else if (!connector_.fetch.emplace(*what, std::move(operation)).second) {
        source_.mistakes.add(named->line, "[[fetch]] has \"" + named->text + "\" twice; take one out");
      }
    }
  }

  // After a lost answer something must tell whether the document is there.
  void check_lookups() {
    const Node* resend = root_.find("safe_to_resend");
    const Node* lookup = root_.find("lookup");
    if (resend != nullptr && lookup != nullptr) {
      source_.mistakes.add(
          std::max(resend->line, lookup->line),
          "connector has both safe_to_resend and [[lookup]]; what can be looked up is looked up: take "
          "one of them out");
    }
    // Where types could not be read, each would seem to lack its look-up.
    if (resend != nullptr || !sent_whole_) return;
    for (const auto& [type, line] : submits_) {
      if (looks_up_.contains(type)) continue;
      source_.mistakes.add(
          line, "type " + quoted(type) +
                    " can be sent, but not looked up: after a lost answer nobody could tell whether "
                    "the target has it; add it to a [[lookup]], or say in safe_to_resend why sending "
                    "it again does no harm");
    }
    for (const auto& [type, line] : looks_up_) {
      if (submits_.contains(type)) continue;
      source_.mistakes.add(line, "type " + quoted(type) +
                                     " can be looked up, but no [[submit]] has it; take it out, or "
                                     "add it to one");
    }
  }

  const Node& root_;
  Source& source_;
  Connector connector_;
  Lines submits_;
  Lines looks_up_;
  bool sent_whole_ = true;  // every list of types could be read
};

LoadedConnector only(const std::string& file, std::int64_t line, std::string_view detail) {
  config::Mistakes mistakes(file);
  mistakes.add(line, detail);
  return {Connector{}, mistakes.take()};
}

}  // namespace
}  // namespace connector_file

LoadedConnector parse_connector(const std::string& text, const std::string& file) {
  namespace reading = connector_file;
  if (text.size() > reading::kFileBytesMax)
    return reading::only(file, 0, "the connector file is larger than 1 MiB; shorten it");
  const auto parsed = config::parse_toml(text);
  if (const auto* mistake = std::get_if<config::SyntaxMistake>(&parsed)) {
    return reading::only(file, mistake->line, mistake->detail + "; mend the TOML here, then check again");
  }
  reading::Source source(text, file);
  LoadedConnector loaded;
  loaded.connector = reading::Loader(std::get<config::Node>(parsed), source).load();
  make_programs(loaded.connector);
  loaded.connector.file = file;
  loaded.connector.name = std::filesystem::path(file).stem().string();
  loaded.mistakes = source.mistakes.take();
  return loaded;
}

LoadedConnector load_connector(const std::string& file) {
  namespace reading = connector_file;
  const std::filesystem::path path(file);
  std::error_code fault;
  if (!std::filesystem::is_regular_file(path, fault))
    return reading::only(file, 0, "there is no such connector file, or it cannot be read; check the path");
  if (path.extension() != ".toml" || !config::is_name(path.stem().string())) {
    return reading::only(
        file, 0,
        "a connector file is named after its connector: 1 to 32 of the letters a-z 0-9 _ -, and "
        ".toml; rename it");
  }
  std::ifstream in(path, std::ios::binary);
  std::string text(reading::kFileBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) {
    return reading::only(
        file, 0, "the connector file cannot be read; give the user who runs tillsync the right to read it");
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_connector(text, file);
}

}  // namespace tillsync
