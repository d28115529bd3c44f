#include <set>

#include "config/section.h"
#include "config/targets.h"

namespace tillsync::config {
namespace {

/// Reads the route of one document type.
class RouteReader {
 public:
  RouteReader(std::string type, const std::vector<std::string>& targets, Mistakes& mistakes)
      : where_("[routes] " + std::move(type)), targets_(targets), mistakes_(mistakes) {}

  std::vector<RouteStep> read(const Node& node) {
    if (node.kind != Node::Kind::kArray) {
      mistakes_.add(node.line,
                    where_ + " must be an array of target names, e.g. [\"erp\", \"crm\"], or of steps " +
                        "{step = \"check\", target = \"erp\", needs = []}, not " +
                        std::string(node.kind_name()));
      return {};
    }
    if (node.items.size() > kRouteStepsMax) {
      mistakes_.add(node.line, where_ + " has more than 64 steps; take some out");
      return {};
    }
    for (const Node& item : node.items) read_item(item);
    check_needs();
    return std::move(steps_);
  }

 private:
  void read_item(const Node& item) {
    RouteStep step;
    if (item.kind == Node::Kind::kString) {
      step.step = step.target = item.text;
    } else if (item.kind == Node::Kind::kTable) {
      if (!read_step(item, step)) return;
    } else {
      mistakes_.add(item.line,
                    where_ + " holds " + std::string(item.kind_name()) +
                        "; write a target's name in quotes or {step = …, target = …, needs = […]}");
      return;
    }
    check_target(item.line, step.target);
    if (!names_.insert(step.step).second) {
      mistakes_.add(item.line,
                    where_ + " has the step \"" + step.step + "\" twice; give each step a name of its own");
      return;
    }
    lines_.push_back(item.line);
    steps_.push_back(std::move(step));
  }

  bool read_step(const Node& item, RouteStep& step) {
    for (const auto& [key, node] : item.members) {
      if (key == "step" || key == "target") {
        std::string& out = key == "step" ? step.step : step.target;
        const std::string wrong = read_value(node, out, 0, 0, nullptr);
        if (!wrong.empty()) mistakes_.add(node.line, where_ + ": " + key + " " + wrong);
      } else if (key == "needs") {
        read_needs(node, step);
      } else {
        mistakes_.add(node.line, "unknown key \"" + key + "\" in a step of " + where_ +
                                     (nearest_word(key, route_step_keys()).empty()
                                          ? "; it takes step, target and needs"
                                          : did_you_mean(key, route_step_keys())));
      }
    }
    if (item.find("target") == nullptr) {
      mistakes_.add(item.line, where_ + ": a step has no target; write {step = \"check\", target = \"erp\"}");
      return false;
    }
    if (item.find("step") == nullptr) step.step = step.target;
    if (!step.step.empty() && !is_name(step.step)) {
      mistakes_.add(item.line, where_ + ": the step name \"" + step.step +
                                   "\" must be 1 to 32 of the letters a-z 0-9 _ -");
    }
    return !step.step.empty() && !step.target.empty();
  }

  void read_needs(const Node& node, RouteStep& step) {
    if (node.kind != Node::Kind::kArray) {
      mistakes_.add(node.line, where_ +
                                   ": needs must be an array of step names, e.g. needs = [\"check\"], not " +
                                   std::string(node.kind_name()));
      return;
    }
    for (const Node& need : node.items) {
      if (need.kind == Node::Kind::kString) {
        step.needs.push_back(need.text);
      } else {
        mistakes_.add(need.line, where_ + ": needs holds " + std::string(need.kind_name()) +
                                     "; write step names in quotes");
      }
    }
  }

  void check_target(std::int64_t line, const std::string& target) {
    if (std::find(targets_.begin(), targets_.end(), target) != targets_.end()) return;
    const std::string hint = did_you_mean(target, targets_);
    mistakes_.add(line, where_ + " names the target \"" + target + "\", and there is no [targets." + target +
                            "]" + (hint.empty() ? "; add it or take the name out" : hint));
  }

  void check_needs() {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      for (const std::string& need : steps_[i].needs) {
        if (names_.count(need) != 0) continue;
        mistakes_.add(lines_[i], where_ + ": step \"" + steps_[i].step + "\" needs \"" + need +
                                     "\", which is no step of this route" +
                                     did_you_mean(need, {names_.begin(), names_.end()}));
      }
    }
    check_cycles();
  }

  // Takes away, again and again, the steps whose needs are gone; what is left waits for itself for ever.
  void check_cycles() {
    std::set<std::string> open(names_);
    for (bool moved = true; moved;) {
      moved = false;
      for (const RouteStep& step : steps_) {
        const bool free = std::none_of(step.needs.begin(), step.needs.end(),
                                       [&open](const std::string& need) { return open.count(need) != 0; });
        if (free && open.erase(step.step) != 0) moved = true;
      }
    }
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (open.count(steps_[i].step) == 0) continue;
      mistakes_.add(lines_[i],
                    where_ + ": step \"" + steps_[i].step +
                        "\" waits for itself through needs; take one of the needs out of the circle");
      return;
    }
  }

  std::string where_;
  const std::vector<std::string>& targets_;
  Mistakes& mistakes_;
  std::vector<RouteStep> steps_;
  std::vector<std::int64_t> lines_;  // of each step
  std::set<std::string> names_;
};

}  // namespace

void read_routes(const Node* table, const std::vector<std::string>& target_names, Settings& settings,
                 Mistakes& mistakes) {
  if (table == nullptr) {
    for (const std::string& type : document_type_names()) {
      for (const auto& [name, target] : settings.targets) settings.routes[type].push_back({name, name, {}});
    }
    return;
  }
  if (table->kind != Node::Kind::kTable) {
    mistakes.add(table->line, "routes must be a table [routes], not " + std::string(table->kind_name()));
    return;
  }
  const std::vector<std::string>& types = document_type_names();
  for (const auto& [type, node] : table->members) {
    if (std::find(types.begin(), types.end(), type) == types.end()) {
      const std::string hint = did_you_mean(type, types);
      mistakes.add(node.line,
                   "unknown document type \"" + type + "\" in [routes]" +
                       (hint.empty() ? "; write one of sale, return, stock_adjustment, stock_count, "
                                       "stock_transfer, customer_update, till_close"
                                     : hint));
      continue;
    }
    settings.routes[type] = RouteReader(type, target_names, mistakes).read(node);
  }
}

}  // namespace tillsync::config
