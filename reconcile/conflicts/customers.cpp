#include "reconcile/conflicts/customers.h"

#include <algorithm>

namespace tillsync {
namespace {

using Action = ConflictAction;

json::Value member_of(const json::Value& object, const std::string& name) {
  const auto* value = object.find(name);
  return value == nullptr ? json::Value() : *value;
}

bool same(const json::Value& a, const json::Value& b) {
  return json::dump_normalized(a) == json::dump_normalized(b);
}

json::Value object_of(const std::string& text) {
  auto value = json::parse(text);
  return value ? std::move(*value) : json::Value(json::Object{});
}

bool is_true(const json::Value& value) {
  if (value.as_bool() != nullptr) return *value.as_bool();
  const auto* text = value.as_string();
  return text != nullptr && (*text == "true" || *text == "yes" || *text == "1");
}

/// What both sides made of one field.
struct Clash {
  std::string field;
  std::optional<json::Value> base;
  json::Value store, central;
};

std::optional<Clash> clash_of(const CustomerChange& change, const json::Value& base, const std::string& field,
                              const json::Value& store) {
  const auto central = member_of(change.central->fields, field);
  if (same(central, store)) return std::nullopt;
  if (const auto* own = change.own.find(field); own != nullptr && same(*own, central)) return std::nullopt;
  std::optional<json::Value> seen;
  if (const auto* value = base.find(field)) {
    seen = *value;
  } else if (change.known) {
    seen = member_of(*change.known, field);
  } else if (central.is_null()) {
    return std::nullopt;  // nobody had said anything
  }
  if (seen && same(*seen, central)) return std::nullopt;
  return Clash{field, std::move(seen), store, central};
}

ConflictFact fact_of(const CustomerChange& change, const Clash& clash, std::string_view kind) {
  ConflictFact fact;
  fact.kind = kind;
  fact.document = change.document;
  fact.document_id = change.content.id;
  fact.subject = clash.field;
  fact.target = change.target;
  fact.business_day = change.content.business_day;
  json::Object store{{"customer", change.content.customer.value_or("")}, {"value", clash.store}};
  if (clash.base) store.emplace_back("base", *clash.base);
  fact.store = std::move(store);
  json::Object central{{"value", clash.central}};
  if (!change.central->version.empty()) central.emplace_back("version", change.central->version);
  fact.central = std::move(central);
  return fact;
}

void decide(ConflictFact& fact, const CustomerChange& change, Action action) {
  const bool central_wins =
      action == Action::kCentral || (action == Action::kNewest && change.central->changed_since_known);
  const std::string field = "customer " + change.content.customer.value_or("") + ": " + fact.subject;
  if (action == Action::kAsk) {
    fact.decision = "open";
    fact.choices = {"store", "central"};
    fact.steps = change.steps;
    fact.explanation = field + " was changed at the till and at central; a person chooses whose word stands";
  } else {
    fact.decision = central_wins ? "central" : "store";
    fact.explanation = field + " was changed at the till and at central; " +
                       (central_wins ? "central's" : "the store's") + " word stands";
  }
}

ConflictFact consent_fact(const CustomerChange& change, const Clash& clash) {
  auto fact = fact_of(change, clash, conflict_kind::kCustomerConsent);
  const bool central_stricter = is_stricter(clash.field, clash.central, clash.store);
  fact.policy = "customer_consent_fields: the stricter word stands";
  fact.decision = central_stricter ? "central" : "store";
  fact.explanation = "customer " + change.content.customer.value_or("") + ": " + clash.field +
                     " was changed at the till and at central; the stricter word stands, " +
                     (central_stricter ? "central's" : "the store's");
  return fact;
}

std::optional<ConflictFact> judge(const CustomerChange& change, const Clash& clash,
                                  const ConflictPolicies& policies) {
  const auto action = policies.of_customer_field(clash.field);
  if (action == Action::kOff) return std::nullopt;
  if (policies.is_consent(clash.field)) return consent_fact(change, clash);
  auto fact = fact_of(change, clash, conflict_kind::kCustomerField);
  fact.policy = policies.customer_field_text(clash.field);
  decide(fact, change, action);
  return fact;
}

bool is_about_field(const ConflictView& conflict) {
  return conflict.fact.kind == conflict_kind::kCustomerField ||
         conflict.fact.kind == conflict_kind::kCustomerConsent;
}

}  // namespace

bool is_stricter(const std::string& field, const json::Value& word, const json::Value& than) {
  const bool true_is_strict = field.find("do_not") != std::string::npos ||
                              field.find("opt_out") != std::string::npos ||
                              field.find("unsubscribed") != std::string::npos;
  // Nothing said is no consent, and no objection either.
  return true_is_strict ? is_true(word) && !is_true(than) : !is_true(word) && is_true(than);
}

CustomerReview review_customer(const CustomerChange& change, const ConflictPolicies& policies,
                               const std::vector<ConflictView>& decided) {
  CustomerReview review;
  const auto* update = std::get_if<CustomerUpdate>(&change.content.content);
  if (update == nullptr) return review;
  const auto settle = [&](const std::string& field, const std::string& decision, bool open) {
    if (open) review.waits = true;
    if (decision == "central") review.withheld.push_back(field);
  };
  const auto changes = object_of(update->changes);
  const auto base = object_of(update->base.value_or("{}"));
  for (const auto& [field, value] : *changes.as_object()) {
    const auto known = std::find_if(decided.begin(), decided.end(), [&name = field](const auto& conflict) {
      return is_about_field(conflict) && conflict.fact.subject == name;
    });
    if (known != decided.end()) {
      settle(field, known->decision(), known->is_open());
      continue;
    }
    if (!change.central) continue;
    const auto clash = clash_of(change, base, field, value);
    if (!clash) continue;
    if (auto fact = judge(change, *clash, policies)) {
      settle(field, fact->decision, fact->is_open());
      review.found.push_back(std::move(*fact));
    }
  }
  return review;
}

std::optional<Document> without_fields(const Document& document, const std::vector<std::string>& withheld) {
  auto left = document;
  auto& update = std::get<CustomerUpdate>(left.content);
  const auto drop = [&withheld](const std::string& text) {
    json::Object kept;
    const auto all = object_of(text);
    for (const auto& member : *all.as_object()) {
      if (std::find(withheld.begin(), withheld.end(), member.first) == withheld.end()) kept.push_back(member);
    }
    return kept;
  };
  const auto changes = drop(update.changes);
  if (changes.empty()) return std::nullopt;
  update.changes = json::dump(changes);
  if (update.base) update.base = json::dump(drop(*update.base));
  return left;
}

std::vector<ConflictFact> review_duplicates(const CustomerChange& change,
                                            const std::vector<CustomerTwin>& twins,
                                            const ConflictPolicies& policies) {
  const auto action = policies.of(conflict_kind::kCustomerDuplicate);
  std::vector<ConflictFact> found;
  const auto* update = std::get_if<CustomerUpdate>(&change.content.content);
  if (update == nullptr || action == Action::kOff) return found;
  for (const auto& twin : twins) {
    ConflictFact fact;
    fact.kind = conflict_kind::kCustomerDuplicate;
    fact.document = change.document;
    fact.document_id = change.content.id;
    fact.subject = twin.number;
    fact.target = change.target;
    fact.business_day = change.content.business_day;
    fact.policy = policies.text(conflict_kind::kCustomerDuplicate);
    const auto customer = change.content.customer.value_or("");
    fact.explanation = "customers " + customer + " and " + twin.number +
                       " have the same e-mail or phone: perhaps one person, to be merged at central";
    fact.store = json::Object{{"customer", customer}, {"changes", object_of(update->changes)}};
    fact.central = json::Object{{"customer", twin.number}, {"fields", twin.fields}};
    fact.decision = action == Action::kAsk ? "open" : "flagged";
    if (action == Action::kAsk) fact.choices = {"merge", "separate"};
    found.push_back(std::move(fact));
  }
  return found;
}

}  // namespace tillsync
