#include "config/changes.h"

#include <set>

#include "config/keys.h"

namespace tillsync {
namespace {

using config::Key;

bool same(const SecretReference& a, const SecretReference& b) {
  return a.text == b.text;
}
template <class T>
bool same(const T& a, const T& b) {
  return a == b;
}

template <class S>
bool same_value(const Key<S>& key, const S& before, const S& after) {
  return std::visit(
      [&](auto member) {
        if constexpr (std::is_same_v<decltype(member), config::TimeOfDay<S>>) {
          return before.*(member.member) == after.*(member.member);
        } else {
          return same(before.*member, after.*member);
        }
      },
      key.member);
}

class Changes {
 public:
  template <class S>
  void section(const std::string& name, const std::vector<Key<S>>& keys, const S& before, const S& after) {
    for (const Key<S>& key : keys) {
      if (!same_value(key, before, after)) add(name + "." + std::string(key.name));
    }
  }

  template <class T>
  void whole(const std::string& name, const T& before, const T& after) {
    if (!(before == after)) add(name);
  }

  /// Tables by name: those that only one side has, and what `compare` finds in the others.
  template <class S, class Compare>
  void tables(const std::string& name, const std::map<std::string, S>& before,
              const std::map<std::string, S>& after, Compare compare) {
    std::set<std::string> names;
    for (const auto& [each, ignored] : before) names.insert(each);
    for (const auto& [each, ignored] : after) names.insert(each);
    for (const auto& each : names) {
      const auto old = before.find(each);
      const auto now = after.find(each);
      const std::string full = name + "." + each;
      if (old == before.end() || now == after.end()) {
        add(full);
      } else {
        compare(full, old->second, now->second);
      }
    }
  }

  std::vector<std::string> take() { return std::move(names_); }

 private:
  void add(std::string name) { names_.push_back(std::move(name)); }
  std::vector<std::string> names_;
};

}  // namespace

std::vector<std::string> changed_settings(const Settings& before, const Settings& after) {
  Changes changes;
  changes.section("store", config::store_keys(), before.store, after.store);
  changes.section("journal", config::journal_keys(), before.journal, after.journal);
  changes.section("till", config::till_keys(), before.till, after.till);
  changes.section("ops", config::ops_keys(), before.ops, after.ops);
  changes.whole("ops.client_certificates", before.ops.client_certificates, after.ops.client_certificates);
  changes.section("reconcile", config::reconcile_keys(), before.reconcile, after.reconcile);
  changes.section("conflicts", config::conflict_keys(), before.conflicts, after.conflicts);
  changes.whole("conflicts.customer_fields", before.conflicts.customer_fields,
                after.conflicts.customer_fields);
  changes.section("slo", config::slo_keys(), before.slo, after.slo);
  changes.section("central_view", config::central_view_keys(), before.central_view, after.central_view);
  changes.section("log", config::log_keys(), before.log, after.log);
  changes.tables("intake", before.intakes, after.intakes,
                 [&](const std::string& name, const IntakeSettings& old, const IntakeSettings& now) {
                   changes.section(name, config::intake_keys(), old, now);
                 });
  changes.tables("targets", before.targets, after.targets,
                 [&](const std::string& name, const TargetSettings& old, const TargetSettings& now) {
                   changes.section(name, config::target_keys(), old, now);
                   // The same name, found at another place: a file of the store's own beside the settings.
                   if (old.connector == now.connector)
                     changes.whole(name + ".connector", old.connector_file, now.connector_file);
                   changes.whole(name + ".parameters", old.parameters, now.parameters);
                   changes.section(name + ".auth", config::auth_keys(), old.auth, now.auth);
                   changes.section(name + ".file", config::file_keys(), old.file, now.file);
                 });
  changes.tables("routes", before.routes, after.routes,
                 [&](const std::string& name, const std::vector<RouteStep>& old,
                     const std::vector<RouteStep>& now) { changes.whole(name, old, now); });
  return changes.take();
}

}  // namespace tillsync
