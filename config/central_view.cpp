#include "config/central_view.h"

#include <tuple>

#include "config/file_targets.h"
#include "config/suggestion.h"

namespace tillsync::config {
namespace {

/// The first target on the way of this type that can be asked; "" for none.
std::string first_on_route(const Settings& settings, const std::string& type) {
  const auto route = settings.routes.find(type);
  if (route == settings.routes.end()) return {};
  for (const RouteStep& step : route->second) {
    const auto target = settings.targets.find(step.target);
    if (target != settings.targets.end() && target->second.connector != kFileConnector) return step.target;
  }
  return {};
}

std::string wrong_with(const Settings& settings, const std::string& name) {
  const auto target = settings.targets.find(name);
  if (target == settings.targets.end()) {
    std::vector<std::string> names;
    for (const auto& [known, each] : settings.targets) names.push_back(known);
    const std::string hint = did_you_mean(name, names);
    return "names the target \"" + name + "\", and there is no [targets." + name + "]" +
           (hint.empty() ? "; add it, or write \"\" for nobody" : hint);
  }
  if (target->second.connector == kFileConnector) {
    return "names the target \"" + name +
           "\", which takes files and cannot be asked; name another, or write \"\" for nobody";
  }
  return {};
}

}  // namespace

void settle_central_view(const Node& root, Settings& settings, Mistakes& mistakes) {
  CentralViewSettings& view = settings.central_view;
  const Node* section = root.find("central_view");
  for (const auto& [key, member, type] :
       {std::tuple{"customers", &CentralViewSettings::customers, "customer_update"},
        {"stock", &CentralViewSettings::stock, "sale"},
        {"prices", &CentralViewSettings::prices, "sale"},
        {"refund_policy", &CentralViewSettings::refund_policy, "sale"}}) {
    const Node* node = section == nullptr ? nullptr : section->find(key);
    std::string& name = view.*member;
    if (node == nullptr) {
      name = first_on_route(settings, type);
    } else if (!name.empty()) {
      const std::string wrong = wrong_with(settings, name);
      if (!wrong.empty()) mistakes.add(node->line, std::string("[central_view] ") + key + " " + wrong);
    }
  }
}

}  // namespace tillsync::config
