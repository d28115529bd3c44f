// GET /v1/status.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/access/certificates.h"
#include "agent/delivery_loop/delivery_loop.h"
#include "agent/file_intake/intake_counts.h"
#include "agent/reconcile_loop/facts_summary.h"
#include "agent/views/settings_state.h"
#include "outbox/journal/reader.h"
#include "platform/json/json.h"

namespace tillsync {

struct StatusSample {
  std::string store;
  bool accepting = true;
  JournalCounts counts;
  std::map<std::string, TargetView> targets;
  std::int64_t blocked_documents = 0;
  std::optional<StoredDocument> oldest;
  std::vector<RecoveredFact> recoveries;  ///< from damage, ever
  std::map<std::string, IntakeCounts> intakes = {};
  FactsSummary facts = {};
  std::vector<CertificateView> certificates = {};
  std::optional<SettingsState> settings = {};  ///< none while the journal is damaged
};

json::Value status_view(const StatusSample& sample);

}  // namespace tillsync
