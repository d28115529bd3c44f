// What facts add up to, in the small: the row of a delivery after a fact, and the status of a document from
// the states of its deliveries. Pure: the writer, verify and recovery all go by it.
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
  bool operator==(const DeliveryRow&) const = default;
};

/// A step without a row is pending. A document whose plan is empty has nothing owed: delivered.
DocumentStatus derive_status(const std::vector<RouteStep>& plan, const std::vector<DeliveryRow>& rows);
/// The row of a step, or nullptr.
const DeliveryRow* row_of(const std::vector<DeliveryRow>& rows, std::string_view step);
/// The state an outcome leads to.
DeliveryState state_after(OutcomeKind outcome);
/// The step of a plan, or nullptr.
const RouteStep* step_of(const std::vector<RouteStep>& plan, std::string_view step);
/// The row of a delivery after the fact in record `at`; `before` is nullptr where it has none yet. Nothing
/// where the fact does not change it: an outcome for what is settled, a decision that does not apply.
std::optional<DeliveryRow> row_after(const RouteStep& step, const DeliveryRow* before,
                                     const OutcomeFact& fact, Sequence at);
std::optional<DeliveryRow> row_after(const RouteStep& step, const DeliveryRow* before,
                                     const DecisionFact& fact, Sequence at);

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
