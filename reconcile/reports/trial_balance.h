// The trial balance of a period: what each account was debited and credited, per currency, and what each
// target has of it.
#pragma once

#include <string>

#include "platform/json/json.h"
#include "reconcile/reports/report.h"

namespace tillsync {

struct TrialBalance {
  struct Sides {
    Decimal debit;
    Decimal credit;
  };
  std::map<std::string, Sides> totals;  ///< by currency, over all accounts
  struct Target {
    std::string name;
    bool read_back_is_current = true;
    Totals journal;     ///< net: sales less returns, as the target should have them
    Totals not_listed;  ///< of these, what the target took and cannot list
    Totals central;
    Totals difference;  ///< journal less what is not listed less central; what is not zero
  };
  std::vector<Target> targets;

  bool debits_equal_credits() const;
  /// The debits equal the credits, and every target's list is as new as the deliveries and has the same
  /// money.
  bool balanced() const;
};

TrialBalance trial_balance(const Report& report);

/// {"store","from","to","generated_at","head","balanced","debits_equal_credits","currencies":{"GBP":
/// {"accounts":[{"account","name","debit","credit"}],"debit","credit","balanced"}},"targets":{NAME:{"journal",
/// "not_listed","central","difference","read_back_at","read_back_is_current"}}}
json::Value trial_balance_json(const Report& report);
/// The same as RFC 4180, a row an account and a row a target and currency.
std::string trial_balance_csv(const Report& report);

}  // namespace tillsync
