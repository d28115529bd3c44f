#include "config/conflicts.h"

#include "config/section.h"

namespace tillsync::config {
namespace {

constexpr const char* kFields = "customer_fields";

}  // namespace

void read_conflicts(const Node& table, Settings& settings, Mistakes& mistakes) {
  read_section(table, "[conflicts]", conflict_keys(), settings.conflicts, mistakes, {kFields});
  const Node* fields = table.find(kFields);
  if (fields == nullptr) return;
  const std::string where = std::string("[conflicts.") + kFields + "]";
  if (fields->kind != Node::Kind::kTable) {
    mistakes.add(fields->line,
                 where + " must be a table of FIELD = POLICY, not " + std::string(fields->kind_name()));
    return;
  }
  for (const auto& [name, node] : fields->members) {
    const auto wrong =
        read_value(node, settings.conflicts.customer_fields[name], 0, 0, check_customer_policy);
    if (!wrong.empty()) mistakes.add(node.line, where + " " + name + " " + wrong);
  }
}

}  // namespace tillsync::config
