// What facts add up to: the status of a document from the states of its deliveries.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "outbox/delivery/delivery_state.h"
#include "outbox/journal/facts.h"

namespace tillsync {

/// A stored state row of one delivery.
struct DeliveryRow {
  std::string step;
  std::string target;
  DeliveryState state = DeliveryState::kPending;
  int attempts = 0;
  std::optional<Sequence> version;
  std::optional<Sequence> last_fact;
};

/// A step without a row is pending. A document whose plan is empty has nothing owed: delivered.
DocumentStatus derive_status(const std::vector<RouteStep>& plan, const std::vector<DeliveryRow>& rows);
/// The row of a step, or nullptr.
const DeliveryRow* row_of(const std::vector<DeliveryRow>& rows, std::string_view step);
/// The state an outcome leads to.
DeliveryState state_after(OutcomeKind outcome);

/// The routes in force at each place of the journal.
class RouteHistory {
 public:
  void add(Sequence from, Routes routes);
  /// Plan of a document journaled at `sequence`.
  const std::vector<RouteStep>& plan(Sequence sequence, DocumentType type) const;
  const Routes& current() const;
  Sequence last_change() const { return entries_.empty() ? Sequence{} : entries_.back().first; }
  void drop_after(Sequence sequence);  ///< forgets changes of a transaction that failed

 private:
  std::vector<std::pair<Sequence, Routes>> entries_;
};

}  // namespace tillsync
