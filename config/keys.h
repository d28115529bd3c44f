// The table of every setting: its name, its place in Settings, its range and its check. A new setting is one
// line in keys.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/checks.h"
#include "config/settings.h"

namespace tillsync::config {

/// "HH:MM" to minutes after midnight.
template <class S>
struct TimeOfDay {
  std::chrono::minutes S::*member;
};

/// One setting of a section whose values go to an S.
template <class S>
struct Key {
  std::string_view name;
  std::variant<std::string S::*, std::int64_t S::*, double S::*, bool S::*, std::chrono::milliseconds S::*,
               SecretReference S::*, TimeOfDay<S>, std::optional<std::int64_t> S::*,
               std::optional<std::chrono::milliseconds> S::*>
      member;
  double min = 0;  ///< integers, decimals; seconds for milliseconds
  double max = 0;
  TextCheck check = nullptr;  ///< strings
};

const std::vector<Key<StoreSettings>>& store_keys();
const std::vector<Key<JournalSettings>>& journal_keys();
const std::vector<Key<TillSettings>>& till_keys();
const std::vector<Key<OpsSettings>>& ops_keys();
const std::vector<Key<ReconcileSettings>>& reconcile_keys();
const std::vector<Key<ConflictSettings>>& conflict_keys();
const std::vector<Key<SloSettings>>& slo_keys();
const std::vector<Key<CentralViewSettings>>& central_view_keys();
const std::vector<Key<LogSettings>>& log_keys();
const std::vector<Key<TargetSettings>>& target_keys();
const std::vector<Key<AuthSettings>>& auth_keys();
const std::vector<Key<FileSettings>>& file_keys();
const std::vector<Key<IntakeSettings>>& intake_keys();

/// The document types (CONTRACT section 1) that a route may be written for.
const std::vector<std::string>& document_type_names();
/// The names of the sections at the top of a file.
const std::vector<std::string>& section_names();
/// The members of a step in a route.
const std::vector<std::string>& route_step_keys();

/// Every known key as "section.key", a target's as "targets.*.key". For the test that holds the example file
/// to it.
std::vector<std::string> known_keys();

template <class S>
std::vector<std::string> names_of(const std::vector<Key<S>>& keys) {
  std::vector<std::string> names;
  for (const Key<S>& key : keys) names.emplace_back(key.name);
  return names;
}

}  // namespace tillsync::config
