// Conflicts between the store and central, as facts of the journal: what was found, both sides' values, which
// policy decided, and what a person chose. What a kind means, and which policies there are, is reconcile's
// business; the journal keeps the words. Bodies are JSON objects.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/ids.h"
#include "platform/base/result.h"
#include "platform/base/time.h"
#include "platform/json/json.h"

namespace tillsync {

/// Who decides where no person does.
inline constexpr const char* kPolicy = "policy";

/// Found once: a conflict with the same key is never appended again, however often it is met.
struct ConflictFact {
  std::string kind;                  ///< "stock-oversold", "return-over-quantity", ...
  std::optional<Sequence> document;  ///< that it is about; nothing where the journal has none
  std::string document_id;           ///< "" for none; of a foreign document central's reference
  std::string subject;               ///< what of it: a SKU, a customer's field; "" for the whole
  std::string version;               ///< of central's fact, where the same may clash again later; else ""
  std::string target;                ///< whose word stands against the store's
  BusinessDay business_day;          ///< whose report shows it
  std::string policy;                ///< the setting that decided: "returns.over_quantity = hold"
  std::string decision;              ///< what follows: "flagged", "held", "store", "central", ...
  std::vector<std::string> choices;  ///< what a person may choose; empty: it is decided, nobody is asked
  std::vector<std::string> steps;    ///< of the document, that are not sent before the choice
  std::string explanation;           ///< one sentence for people
  json::Value store;                 ///< the store's side; null for none
  json::Value central;               ///< central's side; null for none

  bool is_open() const { return !choices.empty(); }
  std::string key() const;
};

/// A person's choice on an open conflict.
struct ResolutionFact {
  Sequence conflict;  ///< the record that told of it
  std::string choice;
  std::string reason;
  std::string by;
};

/// One conflict as it stands.
struct ConflictView {
  Sequence record;  ///< its id
  UtcTime at{};
  ConflictFact fact;
  struct Resolution {
    UtcTime at{};
    ResolutionFact fact;
  };
  std::optional<Resolution> resolution;

  bool is_open() const { return fact.is_open() && !resolution; }
  /// The person's choice, or the policy's decision.
  const std::string& decision() const { return resolution ? resolution->fact.choice : fact.decision; }
  /// A person's name, or kPolicy; "" while it is open.
  std::string decided_by() const {
    if (resolution) return resolution->fact.by;
    return fact.is_open() ? std::string() : std::string(kPolicy);
  }
  UtcTime decided_at() const { return resolution ? resolution->at : at; }
};

std::string encode_conflict(const ConflictFact& fact);
Result<ConflictFact> decode_conflict(std::optional<Sequence> document, std::string_view body);
std::string encode_resolution(const ResolutionFact& fact);
Result<ResolutionFact> decode_resolution(std::string_view body);

}  // namespace tillsync
