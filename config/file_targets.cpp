#include "config/file_targets.h"

#include "config/section.h"

namespace tillsync::config {
namespace {

/// The keys of one target that sends files, looked at together.
class FileTarget {
 public:
  FileTarget(const Node& table, const std::string& name, const TargetSettings& target, Mistakes& mistakes)
      : table_(table),
        file_(table.find("file")),
        auth_(table.find("auth")),
        where_("[targets." + name + "] "),
        file_where_("[targets." + name + ".file] "),
        auth_where_("[targets." + name + ".auth] "),
        target_(target),
        place_(parse_file_place(target.base_url)),
        mistakes_(mistakes) {}

  void check() {
    if (!check_scheme()) return;
    without_meaning();
    if (target_.concurrency > kFileConcurrencyMax) {
      mistakes_.add(
          line_of(table_.find("concurrency")),
          where_ + "concurrency must be 1 to 8 for connector \"file\"; raise batch_max for larger files");
    }
    if (place_.scheme == "file") return check_folder();
    if (place_.scheme == "sftp") return check_sftp();
    check_ftps();
  }

 private:
  bool check_scheme() {
    const Node* url = table_.find("base_url");
    if (url == nullptr) return false;  // told already
    if (!place_.scheme.empty()) return place_.fault.empty();
    if (parse_url(target_.base_url).fault.empty()) {
      mistakes_.add(url->line,
                    where_ +
                        "base_url must start with file://, sftp:// or ftps:// for connector \"file\", "
                        "e.g. \"file:///var/spool/central/in\"");
    }
    return false;
  }

  void without_meaning() {
    for (const std::string_view key : {"proxy", "token", "allow_plain_http", "parameters"}) {
      if (const Node* node = table_.find(key)) refuse(*node, where_, key, "connector \"file\"");
    }
    if (place_.scheme != "ftps") {
      if (const Node* node = table_.find("ca_file")) refuse(*node, where_, "ca_file", place_.scheme + "://");
      refuse_in_file("tls");
    }
    if (place_.scheme != "sftp") {
      refuse_in_file("known_hosts");
      refuse_in_file("host_key_sha256");
    }
  }

  void check_folder() {
    if (auth_ != nullptr) mistakes_.add(auth_->line, auth_where_ + "has no meaning for file://; take it out");
  }

  void check_sftp() {
    if (target_.auth.kind != "ssh_key" && target_.auth.kind != "basic") {
      mistakes_.add(line_of(auth_), auth_where_ +
                                        "sftp:// needs kind = \"ssh_key\" with user and key_file, or kind = "
                                        "\"basic\" with user and password");
    }
    const auto given = [this](std::string_view key) {
      const Node* node = file_ == nullptr ? nullptr : file_->find(key);
      return node != nullptr && !(node->kind == Node::Kind::kString && node->text.empty());
    };
    if (given("known_hosts") == given("host_key_sha256")) {
      mistakes_.add(line_of(file_), file_where_ +
                                        "sftp:// needs known_hosts (a file) or host_key_sha256 (the server's "
                                        "fingerprint), and not both: without it nobody knows who takes the "
                                        "store's documents");
    }
  }

  void check_ftps() {
    if (target_.auth.kind == "basic") return;
    mistakes_.add(line_of(auth_), auth_where_ + "ftps:// needs kind = \"basic\" with user and password");
  }

  void refuse(const Node& node, const std::string& where, std::string_view key, const std::string& what) {
    mistakes_.add(node.line, where + std::string(key) + " has no meaning for " + what + "; take it out");
  }
  void refuse_in_file(std::string_view key) {
    const Node* node = file_ == nullptr ? nullptr : file_->find(key);
    if (node != nullptr) refuse(*node, file_where_, key, place_.scheme + "://");
  }
  std::int64_t line_of(const Node* node) const { return node == nullptr ? table_.line : node->line; }

  const Node& table_;
  const Node* file_;
  const Node* auth_;
  const std::string where_, file_where_, auth_where_;
  const TargetSettings& target_;
  const FilePlace place_;
  Mistakes& mistakes_;
};

}  // namespace

void read_file_target(const Node& table, const std::string& name, TargetSettings& target,
                      Mistakes& mistakes) {
  const Node* file = table.find("file");
  const std::string where = "[targets." + name + ".file]";
  if (file != nullptr) read_section(*file, where, file_keys(), target.file, mistakes);
  if (target.connector == kFileConnector) return FileTarget(table, name, target, mistakes).check();
  if (file != nullptr)
    mistakes.add(file->line, where + " is for connector \"file\" alone; take it out, or change connector");
  if (target.auth.kind == "ssh_key") {
    mistakes.add(table.find("auth")->line,
                 "[targets." + name + ".auth] kind \"ssh_key\" is for connector \"file\" and sftp:// alone");
  }
  const Node* url = table.find("base_url");
  const FilePlace place = parse_file_place(target.base_url);
  if (url == nullptr || place.scheme.empty() || !place.fault.empty()) return;
  mistakes.add(url->line, "[targets." + name + "] base_url with " + place.scheme +
                              ":// is for connector = \"file\"; write that, or an https:// URL");
}

bool format_takes(std::string_view format, std::string_view document_type) {
  if (format != "poslog") return true;
  return document_type == "sale" || document_type == "return" || document_type == "till_close";
}

void check_file_routes(const Node& root, const Settings& settings, Mistakes& mistakes) {
  const Node* routes = root.find("routes");
  for (const auto& [type, steps] : settings.routes) {
    for (const RouteStep& step : steps) {
      const auto target = settings.targets.find(step.target);
      if (target == settings.targets.end() || target->second.connector != kFileConnector ||
          format_takes(target->second.file.format, type))
        continue;
      const Node* route = routes == nullptr ? nullptr : routes->find(type);
      mistakes.add(
          route == nullptr ? target->second.line : route->line,
          (routes == nullptr ? "without [routes] every document type goes to every target, and "
                             : "[routes] " + type + ": ") +
              "POSLog has no place for a " + type + "; " +
              (routes == nullptr ? "write [routes]" : "take \"" + step.target + "\" out of this route") +
              ", or use format = \"csv\" in [targets." + step.target + ".file]");
      if (routes == nullptr) return;  // one word on it is enough
    }
  }
}

}  // namespace tillsync::config
