// What matching finds for one target: the lists and sums of a report. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "outbox/delivery/delivery_state.h"
#include "outbox/document/document.h"
#include "platform/base/ids.h"
#include "platform/json/json.h"

namespace tillsync {

/// One entry of a list (CONTRACT section 5). Small: a report on a bad day holds many.
struct Finding {
  std::string id;  ///< the document's; central's whole reference where no id can be read from it
  std::optional<DocumentType> type;  ///< nothing where neither side tells it
  std::optional<Sequence> sequence;  ///< nothing where the journal has no such document
  std::string step;
  std::optional<DeliveryState> state;
  std::string reason;
};

/// One differing member of one document.
struct DifferentMember {
  Finding document;
  std::string member;  ///< JSON Pointer; "" for the document as a whole
  json::Value journal;
  json::Value central;
};

/// How many documents, and what they come to.
struct TypeSum {
  std::int64_t count = 0;
  Totals total;
};

struct TargetFindings {
  std::int64_t journal_count = 0;  ///< deliveries planned, less discarded ones
  Totals journal_total;            ///< net: sales less returns
  std::int64_t central_count = 0;  ///< every row read back
  Totals central_total;            ///< likewise net
  std::int64_t matched = 0;        ///< delivered, and equal at central
  std::int64_t unconfirmed =
      0;  ///< delivered after central was last read back: neither matched nor missing yet
  /// Delivered, of types that the target cannot list: its own answers alone stand for them. Totals are net.
  std::map<DocumentType, TypeSum> not_listed;
  std::vector<Finding> pending;
  std::vector<Finding> quarantined;
  std::vector<Finding> missing;
  std::vector<Finding> unexpected;
  std::vector<Finding> discarded;
  std::vector<DifferentMember> different;

  /// Nothing owed and nothing found; what cannot be listed is neither.
  bool clean() const {
    return pending.empty() && quarantined.empty() && missing.empty() && unexpected.empty() &&
           different.empty() && unconfirmed == 0;
  }
};

/// Adds to a total, per currency; a return is taken off.
void add_net(Totals& totals, const std::string& currency, DocumentType type, const Decimal& amount);

}  // namespace tillsync
