#include "config/intakes.h"

#include <filesystem>

#include "config/section.h"

namespace tillsync::config {
namespace {

void require(const Node& table, const std::string& where, std::string_view key, std::string_view cure,
             Mistakes& mistakes) {
  if (table.find(key) != nullptr) return;
  mistakes.add(table.line, where + " " + std::string(key) + " is missing; " + std::string(cure));
}

/// Whether `inner` is `outer` or lies in it. Both are as resolve_paths() in loader.cpp leaves them.
bool lies_in(const std::string& inner, const std::string& outer) {
  const std::filesystem::path in = inner + "/";
  const std::filesystem::path out = outer + "/";
  const auto relative = in.lexically_normal().lexically_relative(out.lexically_normal());
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

void read_intakes(const Node& table, Settings& settings, Mistakes& mistakes) {
  if (table.kind != Node::Kind::kTable) {
    mistakes.add(table.line, "intake must be tables [intake.NAME], not " + std::string(table.kind_name()));
    return;
  }
  if (table.members.size() > kIntakesMax) {
    mistakes.add(table.line, "there are more than 16 intakes; take some out");
    return;
  }
  for (const auto& [name, node] : table.members) {
    if (!is_name(name))
      mistakes.add(node.line, "intake name \"" + name + "\" must be 1 to 32 of the letters a-z 0-9 _ -");
    const std::string where = "[intake." + name + "]";
    auto& intake = settings.intakes[name];
    read_section(node, where, intake_keys(), intake, mistakes);
    intake.line = node.line;
    if (node.kind != Node::Kind::kTable) continue;
    require(node, where, "folder", "write the folder in which tills leave files", mistakes);
    require(node, where, "format", "write format = \"poslog\" or format = \"ndjson\"", mistakes);
  }
}

void check_intake_folders(const Settings& settings, Mistakes& mistakes) {
  for (auto intake = settings.intakes.begin(); intake != settings.intakes.end(); ++intake) {
    const auto& [name, one] = *intake;
    if (one.folder.empty()) continue;
    const std::string where = "[intake." + name + "] folder ";
    if (lies_in(one.folder, settings.journal.path) || lies_in(settings.journal.path, one.folder)) {
      mistakes.add(one.line, where +
                                 "and [journal] path lie in each other; give tills' files a folder "
                                 "outside of the journal's");
    }
    for (auto other = settings.intakes.begin(); other != intake; ++other) {
      if (other->second.folder.empty()) continue;
      if (!lies_in(one.folder, other->second.folder) && !lies_in(other->second.folder, one.folder)) continue;
      mistakes.add(one.line, where + "and that of [intake." + other->first +
                                 "] lie in each other; give each a folder of its own");
    }
  }
}

}  // namespace tillsync::config
