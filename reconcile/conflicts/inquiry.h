// Gathers what the pure reviews of conflicts ask: from the journal, from what is held of central, and from
// central itself through a port. One thread at a time per object.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "outbox/document/validation.h"
#include "outbox/journal/reader.h"
#include "outbox/planner/planner.h"
#include "reconcile/central_facts/central_facts.h"
#include "reconcile/central_facts/fetch_port.h"
#include "reconcile/conflicts/customers.h"
#include "reconcile/conflicts/returns.h"
#include "reconcile/conflicts/trade_index.h"

namespace tillsync {

/// Which target is asked what; "" for nobody.
struct SystemsOfRecord {
  std::string customers, stock, prices, sales;
};

class Inquiry {
 public:
  struct Parts {
    JournalReader& reader;
    TradeIndex& trade;
    CentralFacts& facts;  ///< read only here
    const StoreDefaults& store;
    const Routes& routes;  ///< in force: names the steps under which central has a sale
    SystemsOfRecord systems;
    /// The target's port; null where it cannot be asked.
    std::function<FetchPort*(const std::string& target)> port;
  };
  explicit Inquiry(Parts parts) : parts_(std::move(parts)) {}

  /// All that is known of a return. Asks central where `ask`; an answer that does not come is an error only
  /// then.
  enum class Ask { kNobody, kCentral };
  Result<ReturnCase> return_case(Sequence document, const Document& content, Ask ask);
  /// Asks central for the customer as it is now; what is held counts only where central does not serve it.
  Result<CustomerChange> customer_change(Sequence document, const Document& content);
  Result<std::vector<CustomerTwin>> twins_of(const Document& content);

 private:
  Result<std::string> find_known(CustomerChange& out, const std::string& customer);
  Result<void> find_own_updates(CustomerChange& out, const std::string& customer);
  Result<void> walk_to(Sequence document);
  Result<void> find_sale(const OriginalSale& original, bool own_store, Ask ask, ReturnCase& out);
  Result<void> ask_for_sale(const std::string& reference, ReturnCase& out);
  Result<void> find_other_returns(const std::string& sale, Sequence before, ReturnCase& out);
  Result<void> ask_for_returns(const std::string& reference, ReturnCase& out);
  Result<void> find_policy(ReturnCase& out);
  std::vector<std::string> steps_of(DocumentType type) const;

  Parts parts_;
};

}  // namespace tillsync
