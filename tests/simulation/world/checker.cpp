#include "tests/simulation/world/checker.h"

#include <fmt/format.h>

#include <algorithm>

#include "outbox/journal/verify.h"
#include "platform/json/json.h"
#include "tests/simulation/world/network.h"
#include "tests/simulation/world/process.h"

namespace tillsync::sim {
namespace {

constexpr const char* kTypes[] = {"sale",           "return",          "stock_adjustment", "stock_count",
                                  "stock_transfer", "customer_update", "till_close"};

std::string id_of(const std::string& reference) {
  return reference.substr(reference.find('/') + 1);
}

bool is_stock(const std::string& type) {
  return type.starts_with("stock_");
}

}  // namespace

std::vector<Step> plan_of(int variant, const std::string& type) {
  const Step erp{"erp", 0, {}}, crm{"crm", 1, {}}, crm_after{"crm", 1, {"erp"}};
  if (variant == 0) return {erp, crm};
  if (variant == 1) {
    if (type == "till_close") return {};
    if (type == "customer_update") return {crm};
    if (is_stock(type)) return {erp};
    return {erp, crm_after};
  }
  if (type == "sale") return {crm, erp};
  return {erp};
}

Routes routes_of(int variant) {
  Routes routes;
  for (const char* type : kTypes) {
    std::vector<RouteStep> steps;
    for (const auto& step : plan_of(variant, type))
      steps.push_back(RouteStep{step.step, kTargetNames[step.target], step.needs});
    routes.steps[*type_from_name(type)] = steps;
  }
  return routes;
}

void Checker::posted(const SimDocument& document) {
  known_.try_emplace(document.id, Known{document, std::nullopt, 0});
}

const SimDocument* Checker::document(const std::string& id) const {
  const auto found = known_.find(id);
  return found == known_.end() ? nullptr : &found->second.document;
}

void Checker::acknowledged(const std::string& id, Sequence sequence) {
  auto& known = known_.at(id);
  if (known.acknowledged) {
    if (*known.acknowledged != sequence && !may_be_pruned(known))
      violate(fmt::format("I1: {} was acknowledged as {}, and later as {}", id, known.acknowledged->value,
                          sequence.value));
    return;
  }
  const auto [at, is_new] = ids_.try_emplace(sequence, id);
  if (!is_new && at->second != id)
    violate(
        fmt::format("I1: sequence {} was acknowledged for {} and for {}", sequence.value, at->second, id));
  known.acknowledged = sequence;
  known.order = acknowledged_.size();
  acknowledged_.push_back(id);
}

void Checker::accepted_changed(const std::string& id) {
  if (known_.at(id).acknowledged && !may_be_pruned(known_.at(id)))
    violate("I3: another document under the known id " + id + " was taken");
}

void Checker::started(Sequence at, int variant) {
  variants_.emplace_back(at, variant);
}

int Checker::variant_at(Sequence sequence) const {
  int variant = 0;
  for (const auto& [from, value] : variants_) {
    if (from < sequence) variant = value;
  }
  return variant;
}

void Checker::sending(int target, const http::Request& request) {
  if (request.method != "POST") return;
  if (paused_.contains(target))
    violate(fmt::format("a request went to {}, which an operator has paused", kTargetNames[target]));
}

void Checker::effect(int target, const Effect& effect) {
  const auto id = id_of(effect.reference);
  const auto known = known_.find(id);
  if (known == known_.end()) return violate("I3: central has " + id + ", which no till has posted");
  ids_.try_emplace(Sequence{effect.sequence}, id);
  auto& all = effects_[{id, target}];
  all.push_back(effect);
  if (all.size() > 1)
    violate(fmt::format("I3: {} has {} effects on {}", id, all.size(), kTargetNames[target]));
  const auto amended = amended_.find({id, target});
  const bool as_posted = effect.document == known->second.document.canonical;
  const bool as_amended = amended != amended_.end() && amended->second.forms.contains(effect.document);
  if (!as_posted && !as_amended)
    violate(fmt::format("I6: {} has {} otherwise than it was posted: {}", kTargetNames[target], id,
                        effect.document));
  const auto document = json::parse(effect.document);
  if (document && total_of(*document) != known->second.document.total)
    violate(fmt::format("I6: {} has another total for {}", kTargetNames[target], id));
}

std::optional<std::string> Checker::id_at(Sequence sequence) const {
  const auto found = ids_.find(sequence);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

void Checker::decision_tried(const Decision& decision) {
  tried_.push_back(decision);
  const auto id = id_at(decision.delivery.document);
  if (!id) return;
  const int target = decision.delivery.step == "erp" ? 0 : 1;
  auto& entry = amended_[{*id, target}];
  if (decision.kind == DecisionFact::Kind::kAmend) {
    entry.forms.insert(decision.amended);
    entry.last = decision.at;
  }
  if (decision.kind == DecisionFact::Kind::kDiscard) entry.discarded = true;
}

std::set<std::string> Checker::business_days() const {
  std::set<std::string> days;
  for (const auto& [id, known] : known_) days.insert(known.document.business_day);
  return days;
}

/// What retention may have removed: settled, and not of the newest days that the journal has met.
bool Checker::may_be_pruned(const Known& known) const {
  if (plan_.retention_trading_days == 0 || !known.acknowledged) return false;
  std::vector<std::pair<Sequence, std::string>> met;
  std::set<std::string> seen;
  for (const auto& [sequence, id] : ids_) {
    const auto& day = known_.at(id).document.business_day;
    if (seen.insert(day).second) met.emplace_back(sequence, day);
  }
  const auto keep = static_cast<std::size_t>(plan_.retention_trading_days);
  for (std::size_t i = met.size() > keep ? met.size() - keep : 0; i < met.size(); ++i) {
    if (met[i].second == known.document.business_day) return false;
  }
  for (const auto& step : plan_of(variant_at(*known.acknowledged), known.document.type)) {
    const auto amended = amended_.find({known.document.id, step.target});
    const bool discarded = amended != amended_.end() && amended->second.discarded;
    if (!effects_.contains({known.document.id, step.target}) && !discarded) return false;
  }
  return true;
}

void Checker::check_stored(JournalReader& reader, const Known& known) {
  const auto& document = known.document;
  auto found = reader.find(document.id);
  if (!found) return violate("the journal cannot be read: " + found.error().detail);
  if (!*found) {
    if (!may_be_pruned(known))
      violate("I1: " + document.id + " was acknowledged, and the journal does not have it");
    return;
  }
  if ((*found)->sequence != *known.acknowledged && !may_be_pruned(known))
    violate(fmt::format("I1: {} was acknowledged as {}, the journal has it as {}", document.id,
                        known.acknowledged->value, (*found)->sequence.value));
  if (canonical_form((*found)->document) != document.canonical)
    violate("I6: the journal has " + document.id + " otherwise than it was posted");
}

void Checker::check_chain(JournalReader& reader) {
  auto verified = verify_journal(reader);
  if (!verified) return violate("the journal cannot be verified: " + verified.error().detail);
  if (!verified->whole) violate("I7: " + verified->reason);
}

void Checker::after_start(JournalReader& reader, Random& random) {
  for (; checked_ < acknowledged_.size(); ++checked_)
    check_stored(reader, known_.at(acknowledged_[checked_]));
  for (int i = 0; i < 3 && !acknowledged_.empty(); ++i)
    check_stored(reader, known_.at(acknowledged_[random.below(acknowledged_.size())]));
  if (random.below(3) == 0) check_chain(reader);
}

void Checker::at_end(JournalReader& reader, const std::array<SimCentral*, kTargets>& centrals) {
  check_chain(reader);
  Sequence before;
  std::map<int, Sequence> of_till;
  for (const auto& id : acknowledged_) {
    const auto& known = known_.at(id);
    // A till posts one after the other: so the journal has them in its order, whatever the clocks said (I5).
    auto& last = of_till[known.document.till];
    if (*known.acknowledged <= last) violate("I5: " + id + " stands before an earlier document of its till");
    last = *known.acknowledged;
  }
  for (const auto& [id, known] : known_) {
    if (!known.acknowledged) {
      violate("liveness: " + id + " was never acknowledged");
      continue;
    }
    check_stored(reader, known);
    auto found = reader.find(id);
    if (!found || !*found) continue;
    check_delivered(reader, known, *known.acknowledged);
    check_story(reader, known, *known.acknowledged);
  }
  for (int target = 0; target < kTargets; ++target)
    check_order(target, centrals[static_cast<std::size_t>(target)]->effects());
}

void Checker::check_delivered(JournalReader& reader, const Known& known, Sequence sequence) {
  const auto& id = known.document.id;
  auto views = reader.deliveries(sequence);
  if (!views) return violate("the journal cannot be read: " + views.error().detail);
  const auto plan = plan_of(variant_at(sequence), known.document.type);
  if (views->size() != plan.size())
    return violate(fmt::format("{} has {} deliveries, its routes say {}", id, views->size(), plan.size()));
  for (const auto& step : plan) {
    const auto view =
        std::find_if(views->begin(), views->end(), [&](const auto& v) { return v.step == step.step; });
    if (view == views->end() || view->target != kTargetNames[step.target]) {
      violate("the journal does not have step " + step.step + " of " + id);
      continue;
    }
    const auto effects = effects_.find({id, step.target});
    const std::size_t count = effects == effects_.end() ? 0 : effects->second.size();
    if (view->state == DeliveryState::kDelivered) {
      if (count != 1)
        violate(fmt::format("I3: {} is delivered to {}, which has it {} times", id, step.step, count));
      if (count == 1 && view->central_reference != effects->second[0].central_reference)
        violate("the central reference of " + id + " is not what central said");
    } else if (view->state == DeliveryState::kDiscarded) {
      const auto amended = amended_.find({id, step.target});
      if (amended == amended_.end() || !amended->second.discarded) violate("I2: nobody has discarded " + id);
    } else {
      violate(fmt::format("liveness: {} is still {} for {}", id, state_name(view->state), step.step));
    }
    // What is needed comes first.
    for (const auto& need : step.needs) {
      const int needed = need == "erp" ? 0 : 1;
      const auto first = effects_.find({id, needed});
      const auto amended = amended_.find({id, needed});
      const bool discarded = amended != amended_.end() && amended->second.discarded;
      if (count > 0 && !discarded &&
          (first == effects_.end() || first->second[0].order > effects->second[0].order))
        violate("I4: " + id + " reached " + step.step + " before the step that it needs");
    }
  }
}

// What does not commute reached the target in journal order: a count and the movements of its SKUs, a return
// and its sale, one customer's changes. What a person has amended or discarded gave up its place.
void Checker::check_order(int target, const std::vector<Effect>& effects) {
  struct Use {
    std::int64_t sequence, order;
    bool exclusive;
    const std::string* id;
  };
  std::map<std::string, std::vector<Use>> uses;
  for (const auto& effect : effects) {
    const auto id = id_of(effect.reference);
    const auto known = known_.find(id);
    if (known == known_.end() || amended_.contains({id, target})) continue;
    const auto& document = known->second.document;
    const auto use = [&](const std::string& key, bool exclusive) {
      uses[key].push_back(Use{effect.sequence, effect.order, exclusive, &known->first});
    };
    for (const auto& sku : document.skus) use("sku " + sku, document.counts);
    if (!document.customer.empty()) use("customer " + document.customer, true);
    if (document.total) use("document " + id, true);
    if (!document.original.empty()) use("document " + document.original, false);
  }
  for (auto& [key, list] : uses) {
    std::sort(list.begin(), list.end(), [](const Use& x, const Use& y) { return x.sequence < y.sequence; });
    std::int64_t shared_latest = 0, exclusive_latest = 0;
    for (const auto& use : list) {
      if (use.order < exclusive_latest || (use.exclusive && use.order < shared_latest)) {
        violate(fmt::format("I4: {} reached {} too early: {}", *use.id, kTargetNames[target], key));
        break;
      }
      auto& latest = use.exclusive ? exclusive_latest : shared_latest;
      latest = std::max(latest, use.order);
    }
  }
}

// The story of a document has every decision that a person was told of, and says how each delivery ended.
void Checker::check_story(JournalReader& reader, const Known& known, Sequence sequence) {
  auto history = reader.history(sequence);
  if (!history) return violate("the journal cannot be read: " + history.error().detail);
  std::set<std::string> reasons, delivered;
  for (const auto& record : *history) {
    if (record.kind == RecordKind::kDecision) {
      auto fact = decode_decision(sequence, record.body);
      if (!fact) return violate("I10: a decision about " + known.document.id + " cannot be read");
      reasons.insert(fact->reason);
    } else if (record.kind == RecordKind::kOutcome) {
      auto fact = decode_outcome(sequence, record.body);
      if (!fact) return violate("I10: an outcome of " + known.document.id + " cannot be read");
      if (fact->outcome.kind == OutcomeKind::kDelivered) delivered.insert(fact->delivery.step);
    }
  }
  for (const auto& decision : tried_) {
    if (decision.delivery.document == sequence && decided_.contains(decision.tag) &&
        !reasons.contains(decision.tag))
      violate("I10: a person's decision about " + known.document.id + " is not in its story");
  }
  for (const auto& step : plan_of(variant_at(sequence), known.document.type)) {
    const auto amended = amended_.find({known.document.id, step.target});
    const bool discarded = amended != amended_.end() && amended->second.discarded;
    if (!delivered.contains(step.step) && !discarded)
      violate("I10: the story of " + known.document.id + " does not tell of its delivery to " + step.step);
  }
}

// A person has amended it, and what was sent before has come about all the same: it was still under way, and
// the look-up found it. Nothing that was sent after the amendment may do so.
bool Checker::may_differ(const std::string& id, int target) const {
  const auto amended = amended_.find({id, target});
  const auto effects = effects_.find({id, target});
  if (amended == amended_.end() || amended->second.forms.empty() || effects == effects_.end()) return false;
  const auto& effect = effects->second.front();
  if (effect.at > amended->second.last + SimNetwork::kLatest) return false;
  return effect.document == known_.at(id).document.canonical || amended->second.forms.size() > 1;
}

void Checker::report_of_day(const Report& report, const std::string& business_day) {
  struct Sum {
    std::int64_t count = 0, total = 0;
  };
  std::map<std::string, Sum> by_type;
  std::array<Sum, kTargets> by_target;
  bool discarded_any = false, pruned_any = false;
  for (const auto& [id, known] : known_) {
    if (known.document.business_day != business_day || !known.acknowledged) continue;
    if (may_be_pruned(known)) pruned_any = true;
    auto& sum = by_type[known.document.type];
    ++sum.count;
    sum.total += known.document.total.value_or(0);
    for (const auto& step : plan_of(variant_at(*known.acknowledged), known.document.type)) {
      const auto amended = amended_.find({id, step.target});
      if (amended != amended_.end() && amended->second.discarded) discarded_any = true;
      auto& of_target = by_target[static_cast<std::size_t>(step.target)];
      ++of_target.count;
      of_target.total += known.document.type == "return" ? -known.document.total.value_or(0)
                                                         : known.document.total.value_or(0);
    }
  }
  if (pruned_any) return;  // an old day that is partly gone
  const auto ten_thousandths = [](const Totals& totals) {
    const auto pounds = totals.find("GBP");
    return pounds == totals.end() ? std::int64_t{0}
                                  : static_cast<std::int64_t>(pounds->second.units() / 1'000);
  };
  for (const auto& [type, sum] : by_type) {
    const auto found = report.documents.find(*type_from_name(type));
    if (found == report.documents.end() || found->second.count != sum.count ||
        ten_thousandths(found->second.total) != sum.total)
      violate("the report of " + business_day + " has other sums of " + type + " than the tills");
  }
  if (discarded_any) return;  // whether such a one counts depends on what arrived late
  for (const auto& target : report.targets) {
    const int number = target.name == kTargetNames[0] ? 0 : 1;
    const auto& sum = by_target[static_cast<std::size_t>(number)];
    auto findings = target.findings;
    std::set<std::string> differ;
    for (const auto& one : findings.different) {
      if (may_differ(one.document.id, number)) differ.insert(one.document.id);
    }
    std::erase_if(findings.different, [&](const auto& one) { return differ.contains(one.document.id); });
    if (!target.read_back_is_current || !findings.clean())
      violate("the report of " + business_day + " does not balance, though everything is settled");
    if (findings.journal_count != sum.count || findings.central_count != sum.count ||
        findings.matched + static_cast<std::int64_t>(differ.size()) != sum.count ||
        ten_thousandths(findings.journal_total) != sum.total ||
        ten_thousandths(findings.central_total) != sum.total)
      violate("the report of " + business_day + " has other sums for " + target.name + " than the tills");
  }
}

void Checker::report_under_way(const Report& report, const std::string& business_day) {
  if (!report.balanced()) return;
  for (const auto& [id, known] : known_) {
    if (known.document.business_day != business_day || !known.acknowledged) continue;
    if (*known.acknowledged > report.head.sequence) continue;
    for (const auto& step : plan_of(variant_at(*known.acknowledged), known.document.type)) {
      const auto amended = amended_.find({id, step.target});
      const bool discarded = amended != amended_.end() && amended->second.discarded;
      if (!effects_.contains({id, step.target}) && !discarded)
        violate("the report of " + business_day + " says balanced, and " + step.step + " does not have " +
                id);
    }
  }
}

}  // namespace tillsync::sim
