// A customer changed at the till and at central: merged field by field against what the till saw. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "outbox/journal/conflict_facts.h"
#include "outbox/journal/reader.h"
#include "platform/json/json.h"
#include "reconcile/conflicts/policies.h"

namespace tillsync {

/// Central's record of a customer as it is just before the store's changes would go out.
struct CustomerAtCentral {
  json::Value fields;   ///< an object; members that are not there count as null
  std::string version;  ///< its ETag; "" where central gives none
  /// Its version is another than the one that the store knew when the till made its changes.
  bool changed_since_known = true;
};

/// One customer_update on its way out.
struct CustomerChange {
  Sequence document;
  const Document& content;         ///< as it would be sent now
  std::string target;              ///< whose record it is
  std::vector<std::string> steps;  ///< of the document, that wait for a person where one is asked
  /// Central's fields as the store last knew them then: the base where the till gave none.
  std::optional<json::Value> known = {};
  /// What the store itself last changed before this: central having it is no change of central's.
  json::Value own = json::Object{};
  std::optional<CustomerAtCentral> central;  ///< nothing: central has no such customer, or cannot tell
};

struct CustomerReview {
  std::vector<ConflictFact> found;  ///< those that `decided` does not have yet
  /// Fields that are not to be sent: central's word stands.
  std::vector<std::string> withheld;
  bool waits = false;  ///< a person has to choose first
};

/// `decided`: conflicts of this document that the journal has: they are never decided anew, whatever central
/// says by now.
CustomerReview review_customer(const CustomerChange& change, const ConflictPolicies& policies,
                               const std::vector<ConflictView>& decided);

/// The document without `withheld` fields in its changes; nothing where none is left to send.
std::optional<Document> without_fields(const Document& document, const std::vector<std::string>& withheld);

/// How strict a word on consent is: of "do_not_contact", "opt_out" and "unsubscribed" true is the stricter,
/// of any other field false is.
bool is_stricter(const std::string& field, const json::Value& word, const json::Value& than);

/// Another customer of central with the same e-mail or phone.
struct CustomerTwin {
  std::string number;
  json::Value fields;
};
/// What `change` sets e-mail or phone to is another person's at central. `twins`: who has them there.
std::vector<ConflictFact> review_duplicates(const CustomerChange& change,
                                            const std::vector<CustomerTwin>& twins,
                                            const ConflictPolicies& policies);

}  // namespace tillsync
