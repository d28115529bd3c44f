#include "config/fleet_stores.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "config/section.h"

namespace tillsync {
namespace {

using config::Node;

constexpr std::uintmax_t kFileBytesMax = 16 * 1024 * 1024;

const std::vector<config::Key<FleetStore>>& fleet_keys() {
  using S = FleetStore;
  static const std::vector<config::Key<S>> keys = {
      {"url", &S::url, 0, 0, config::check_url},
      {"token", &S::token},
      {"key", &S::key, 0, 0, config::check_not_empty},
      {"ca_file", &S::ca_file},
  };
  return keys;
}

bool is_key_digits(const std::string& key) {
  return key.size() == 64 && key.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

void resolve(std::string& path, const std::filesystem::path& folder) {
  if (!path.empty()) path = (folder / path).lexically_normal().generic_string();
}

FleetStore read_store(const std::string& id, const Node& node, const std::filesystem::path& folder,
                      config::Mistakes& mistakes) {
  const std::string where = "[stores." + id + "]";
  FleetStore store;
  store.line = node.line;
  config::read_section(node, where, fleet_keys(), store, mistakes);
  if (const std::string wrong = config::check_store_id(id); !wrong.empty())
    mistakes.add(node.line, where + " " + wrong);
  for (const char* needed : {"url", "key"}) {
    if (node.find(needed) == nullptr)
      mistakes.add(node.line, where + " " + needed + " is missing; " +
                                  (std::string_view(needed) == "key"
                                       ? "write what `tillsync report key` shows in that store"
                                       : "write the address of the store's ops API"));
  }
  const config::Url url = config::parse_url(store.url);
  if (!store.token.empty() && url.fault.empty() && !url.encrypted && !config::is_loopback(url.host))
    mistakes.add(node.line, where + " would send its token in the clear; use https, or take the token out");
  while (store.url.ends_with('/')) store.url.pop_back();
  resolve(store.ca_file, folder);
  if (!is_key_digits(store.key)) resolve(store.key, folder);
  if (store.token.text.starts_with("file:")) {
    std::string path = store.token.text.substr(5);
    resolve(path, folder);
    store.token.text = "file:" + path;
  }
  return store;
}

LoadedFleet only(const std::string& file, std::int64_t line, const std::string& detail) {
  config::Mistakes mistakes(file);
  mistakes.add(line, detail);
  return {{}, mistakes.take()};
}

}  // namespace

LoadedFleet parse_fleet(const std::string& text, const std::string& file) {
  const auto parsed = config::parse_toml(text);
  if (const auto* mistake = std::get_if<config::SyntaxMistake>(&parsed))
    return only(file, mistake->line, mistake->detail + "; mend the TOML here");
  const Node& root = std::get<Node>(parsed);
  const Node* stores = root.find("stores");
  if (stores == nullptr || stores->kind != Node::Kind::kTable || stores->members.empty())
    return only(file, 0, "names no store; write a table [stores.ID] for each");
  if (stores->members.size() > kFleetStoresMax)
    return only(file, 0, "names more than " + std::to_string(kFleetStoresMax) + " stores; use several files");
  config::Mistakes mistakes(file);
  for (const auto& [name, node] : root.members) {
    if (name != "stores")
      mistakes.add(node.line, "unknown key \"" + name + "\"; only [stores.ID] is known here");
  }
  LoadedFleet loaded;
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  for (const auto& [id, node] : stores->members) loaded.stores[id] = read_store(id, node, folder, mistakes);
  loaded.mistakes = mistakes.take();
  return loaded;
}

LoadedFleet load_fleet(const std::string& file) {
  std::error_code failed;
  const auto path = std::filesystem::absolute(file, failed);
  if (failed || !std::filesystem::is_regular_file(path, failed))
    return only(file, 0, "there is no such file, or it cannot be read; name one with --stores");
  if (std::filesystem::file_size(path, failed) > kFileBytesMax || failed)
    return only(file, 0, "is larger than 16 MiB");
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.is_open() || in.bad()) return only(file, 0, "cannot be read; check the rights on it");
  return parse_fleet(text, path.generic_string());
}

}  // namespace tillsync
