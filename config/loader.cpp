#include <filesystem>
#include <fstream>

#include "config/central_view.h"
#include "config/conflicts.h"
#include "config/file_targets.h"
#include "config/intakes.h"
#include "config/listeners.h"
#include "config/section.h"
#include "config/settings.h"
#include "config/targets.h"
#include "platform/service/child_process.h"
#include "platform/service/places.h"

namespace tillsync {

std::string SettingsMistake::text() const {
  return line > 0 ? file + ":" + std::to_string(line) + ": " + detail : file + ": " + detail;
}

namespace config {

std::vector<SettingsMistake> Mistakes::take() {
  std::stable_sort(list_.begin(), list_.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
  return std::move(list_);
}

namespace {

constexpr std::size_t kFileBytesMax = 1024 * 1024;

/// Where the connectors are that came with the program: where it was built for, and beside it wherever it was
/// unpacked (PREFIX/bin/tillsync, PREFIX/share/tillsync/connectors).
std::vector<std::string> shipped_connector_folders() {
  std::vector<std::string> folders{TILLSYNC_CONNECTOR_FOLDER};
  const auto beside =
      std::filesystem::path(program_file()).parent_path().parent_path() / "share/tillsync/connectors";
  std::error_code fault;
  if (std::filesystem::is_directory(beside, fault) && beside.string() != folders.front())
    folders.insert(folders.begin(), beside.string());
  return folders;
}

/// Reads one settings file's tree.
class Loader {
 public:
  Loader(const Node& root, const std::string& file) : root_(root), file_(file), mistakes_(file) {
    settings_.journal.path = data_folder_default();
    settings_.till.unix_socket = till_socket_default();
  }

  LoadedSettings load() {
    check_section_names();
    section("store", store_keys(), settings_.store);
    section("journal", journal_keys(), settings_.journal);
    section("till", till_keys(), settings_.till);
    section("ops", ops_keys(), settings_.ops, {"client_certificates"});
    if (const Node* names = find("ops", "client_certificates"))
      read_client_certificates(*names, settings_.ops, mistakes_);
    section("reconcile", reconcile_keys(), settings_.reconcile);
    if (const Node* conflicts = root_.find("conflicts")) read_conflicts(*conflicts, settings_, mistakes_);
    section("slo", slo_keys(), settings_.slo);
    section("central_view", central_view_keys(), settings_.central_view);
    section("log", log_keys(), settings_.log);
    std::vector<std::string> target_names;
    if (const Node* targets = root_.find("targets")) {
      read_targets(*targets, settings_, mistakes_);
      for (const auto& [name, node] : targets->members) target_names.push_back(name);
    }
    read_routes(root_.find("routes"), target_names, settings_, mistakes_);
    check_file_routes(root_, settings_, mistakes_);
    settle_central_view(root_, settings_, mistakes_);
    if (const Node* intakes = root_.find("intake")) read_intakes(*intakes, settings_, mistakes_);
    require("store", "id", "write the store's number, e.g. id = \"0417\"");
    require("store", "currency", "write the store's currency, e.g. currency = \"GBP\"");
    check_retention();
    resolve_paths();
    check_listeners(root_, settings_, mistakes_);
    check_intake_folders(settings_, mistakes_);
    return {std::move(settings_), mistakes_.take()};
  }

 private:
  void check_section_names() {
    for (const auto& [name, node] : root_.members) {
      const auto& known = section_names();
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      const bool table = node.kind == Node::Kind::kTable;
      const std::string hint = did_you_mean(name, known);
      mistakes_.add(node.line, (table ? "unknown section [" + name + "]"
                                      : "unknown key \"" + name + "\" outside every section") +
                                   (hint.empty() ? "; take it out" : hint));
    }
  }

  template <class S>
  void section(const std::string& name, const std::vector<Key<S>>& keys, S& out,
               const std::vector<std::string>& subtables = {}) {
    if (const Node* table = root_.find(name))
      read_section(*table, "[" + name + "]", keys, out, mistakes_, subtables);
  }

  const Node* find(std::string_view section, std::string_view key) const {
    const Node* table = root_.find(section);
    return table == nullptr ? nullptr : table->find(key);
  }
  std::int64_t line_of(std::string_view section, std::string_view key) const {
    const Node* node = find(section, key);
    return node == nullptr ? 0 : node->line;
  }

  void require(const std::string& section, const std::string& key, const std::string& cure) {
    if (find(section, key) != nullptr) return;
    const Node* table = root_.find(section);
    mistakes_.add(table == nullptr ? 0 : table->line, "[" + section + "] " + key + " is missing; " + cure);
  }

  void check_retention() {
    const std::int64_t days = settings_.journal.retention_trading_days;
    if (days == 0 || days >= 30) return;
    mistakes_.add(line_of("journal", "retention_trading_days"),
                  "[journal] retention_trading_days must be 0 (for ever) or from 30 to 36500");
  }

  // A path in the file is meant from the file's own folder, wherever the program was started.
  void resolve(std::string& path) const {
    if (path.empty()) return;
    path = (std::filesystem::path(file_).parent_path() / path).lexically_normal().generic_string();
  }
  void resolve(SecretReference& secret) const {
    for (const std::string kind : {"file:", "dpapi:"}) {
      if (!secret.text.starts_with(kind)) continue;
      std::string path = secret.text.substr(kind.size());
      resolve(path);
      secret.text = kind + path;
      return;
    }
  }

  void resolve_paths() {
    resolve(settings_.journal.path);
    resolve(settings_.till.unix_socket);
    resolve(settings_.log.file);
    resolve(settings_.till.tls_certificate);
    resolve(settings_.till.tls_key);
    resolve(settings_.ops.tls_certificate);
    resolve(settings_.ops.tls_key);
    resolve(settings_.ops.client_ca_file);
    for (auto& [name, intake] : settings_.intakes) resolve(intake.folder);
    for (auto& [name, target] : settings_.targets) {
      resolve(target.ca_file);
      resolve(target.file.known_hosts);
      resolve(target.auth.key_file);
      find_connector(name, target);
      for (SecretReference* secret :
           {&target.token, &target.auth.password, &target.auth.key, &target.auth.client_secret,
            &target.auth.private_key, &target.auth.passphrase}) {
        resolve(*secret);
      }
    }
  }

  /// "rest" and "file" are built in. Anything else is a file: a path, or a name in the folder `connectors`
  /// beside the settings, or one that came with the program.
  void find_connector(const std::string& name, TargetSettings& target) {
    const std::string& connector = target.connector;
    if (connector == "rest" || connector == kFileConnector || connector.empty()) return;
    std::vector<std::string> places;
    if (connector.find('/') != std::string::npos || connector.ends_with(".toml")) {
      places = {connector};
      resolve(places.front());
    } else {
      places = {"connectors/" + connector + ".toml"};
      resolve(places.front());
      for (const std::string& folder : shipped_connector_folders())
        places.push_back(folder + "/" + connector + ".toml");
    }
    for (const std::string& place : places) {
      std::error_code fault;
      if (!std::filesystem::is_regular_file(place, fault)) continue;
      target.connector_file = place;
      return;
    }
    const Node* targets = root_.find("targets");
    const Node* table = targets->find(name);
    const Node* key = table->find("connector");
    std::string looked;
    for (const std::string& place : places) looked += (looked.empty() ? "" : " nor ") + place;
    mistakes_.add(key == nullptr ? table->line : key->line,
                  "[targets." + name + "] there is no connector \"" + connector + "\": no file " + looked +
                      "; use \"rest\" or \"file\", or name a connector file");
  }

  const Node& root_;
  const std::string& file_;
  Mistakes mistakes_;
  Settings settings_;
};

LoadedSettings only(const std::string& file, std::int64_t line, std::string_view detail) {
  Mistakes mistakes(file);
  mistakes.add(line, detail);
  return {Settings{}, mistakes.take()};
}

}  // namespace
}  // namespace config

LoadedSettings parse_settings(const std::string& text, const std::string& file) {
  const auto parsed = config::parse_toml(text);
  if (const auto* mistake = std::get_if<config::SyntaxMistake>(&parsed)) {
    return config::only(file, mistake->line, mistake->detail + "; mend the TOML here, then check again");
  }
  return config::Loader(std::get<config::Node>(parsed), file).load();
}

LoadedSettings load_settings(const std::string& file) {
  std::error_code fault;
  const std::filesystem::path path = std::filesystem::absolute(file, fault);
  if (fault || !std::filesystem::is_regular_file(path, fault)) {
    return config::only(
        file, 0,
        "there is no such settings file, or it cannot be read; write one, or name another with --config");
  }
  std::ifstream in(path, std::ios::binary);
  std::string text(config::kFileBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) {
    return config::only(
        file, 0, "the settings file cannot be read; give the user who runs tillsync the right to read it");
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > config::kFileBytesMax)
    return config::only(file, 0, "the settings file is larger than 1 MiB");
  return parse_settings(text, path.generic_string());
}

}  // namespace tillsync
