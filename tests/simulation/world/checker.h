// The checker: its own model of what tills were promised and what central took, apart from the code under
// test, and what must hold of it (invariants I1 to I7 and I10) at every moment, after every start, and at the
// end.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "outbox/journal/reader.h"
#include "platform/http/client.h"
#include "reconcile/reports/report.h"
#include "tests/simulation/world/central.h"
#include "tests/simulation/world/plan.h"
#include "tests/simulation/world/shop.h"

namespace tillsync::sim {

struct Step {
  std::string step;
  int target = 0;
  std::vector<std::string> needs;
};
/// Where documents of a type go, by variant of the routes: 0 to 2. The model's; routes_of() says the same to
/// the product.
std::vector<Step> plan_of(int variant, const std::string& type);
Routes routes_of(int variant);

class Checker {
 public:
  explicit Checker(const Plan& plan) : plan_(plan) {}

  /// The first thing that did not hold.
  const std::optional<std::string>& violation() const { return violation_; }
  void violate(const std::string& what) {
    if (!violation_) violation_ = what;
  }

  // What happens.
  void posted(const SimDocument& document);
  void acknowledged(const std::string& id, Sequence sequence);
  void accepted_changed(const std::string& id);  ///< another document under a known id was taken
  void started(Sequence at, int variant);
  void sending(int target, const http::Request& request);
  void effect(int target, const Effect& effect);
  void pause_acknowledged(int target) { paused_.insert(target); }
  void resume_tried(int target) { paused_.erase(target); }
  /// `tag`: the decision's reason, used once.
  struct Decision {
    DeliveryKey delivery;
    DecisionFact::Kind kind = DecisionFact::Kind::kRetry;
    std::string tag;
    std::string amended;  ///< canonical form, of amend
    Moment at{0};
  };
  void decision_tried(const Decision& decision);
  void decision_acknowledged(const std::string& tag) { decided_.insert(tag); }

  // What must hold.
  void after_start(JournalReader& reader, Random& random);
  /// Everything owed is settled, and every fault is over.
  void at_end(JournalReader& reader, const std::array<SimCentral*, kTargets>& centrals);
  void report_of_day(const Report& report, const std::string& business_day);
  /// In the middle of it all: a report that says "balanced" is right.
  void report_under_way(const Report& report, const std::string& business_day);
  std::set<std::string> business_days() const;

  std::size_t documents() const { return known_.size(); }
  const SimDocument* document(const std::string& id) const;

 private:
  struct Known {
    SimDocument document;
    std::optional<Sequence> acknowledged;
    std::size_t order = 0;  ///< in which it was acknowledged
  };
  struct Amended {
    std::set<std::string> forms;  ///< canonical, that a person wanted sent
    Moment last{0};               ///< when that was last tried
    bool discarded = false;       ///< perhaps: it was at least tried
  };
  using Place = std::pair<std::string, int>;  ///< document id, target

  void check_stored(JournalReader& reader, const Known& known);
  void check_delivered(JournalReader& reader, const Known& known, Sequence sequence);
  void check_order(int target, const std::vector<Effect>& effects);
  void check_story(JournalReader& reader, const Known& known, Sequence sequence);
  void check_chain(JournalReader& reader);
  bool may_be_pruned(const Known& known) const;
  bool may_differ(const std::string& id, int target) const;
  int variant_at(Sequence sequence) const;
  std::optional<std::string> id_at(Sequence sequence) const;

  const Plan& plan_;
  std::optional<std::string> violation_;
  std::map<std::string, Known> known_;
  std::vector<std::string> acknowledged_;  ///< ids, in order
  std::size_t checked_ = 0;                ///< of them, after a start
  std::vector<std::pair<Sequence, int>> variants_;
  std::map<Place, std::vector<Effect>> effects_;
  std::map<Place, Amended> amended_;
  std::set<int> paused_;
  std::vector<Decision> tried_;
  std::set<std::string> decided_;
  std::map<Sequence, std::string> ids_;  ///< what sequences are known to be
};

}  // namespace tillsync::sim
