// What a period's sales and returns come to: by day, till, tender and tax code, and the accounts of a trial
// balance. Exact decimals, per currency; plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "outbox/document/document.h"

namespace tillsync {

/// Sales less returns, and both apart. Amounts are positive in both.
struct TradeSum {
  std::int64_t sales_count = 0;
  Decimal sales;
  std::int64_t returns_count = 0;
  Decimal returns;
  Decimal net() const { return sales - returns; }
  void add(DocumentType type, const Decimal& amount);
  bool operator==(const TradeSum&) const = default;
};

/// A tax code's amounts, and what it was charged on: the lines' amounts less discounts, taxes in it where the
/// prices include them.
struct TaxSum {
  TradeSum tax;
  TradeSum turnover;
  bool operator==(const TaxSum&) const = default;
};

/// One side of an account is as good as the other: what is booked on both is shown on both.
struct AccountSum {
  Decimal debit;
  Decimal credit;
  bool operator==(const AccountSum&) const = default;
};

/// A name (a day, a terminal, a tender, a tax code) and a currency.
using SumKey = std::pair<std::string, std::string>;

/// Names are free text of tills: beyond so many of one kind the rest is summed as kOtherNames.
inline constexpr std::size_t kSumNamesMax = 1'000;
inline constexpr const char* kOtherNames = "(other)";
/// What no tender was given for, and lines without a tax: the name is empty.
inline constexpr const char* kNoName = "";

struct ReportSums {
  std::map<std::string, TradeSum> totals;  ///< by currency
  std::map<SumKey, TradeSum> by_day;
  std::map<SumKey, TradeSum> by_terminal;
  std::map<SumKey, TradeSum> by_tender;  ///< counts are of tenders; kNoName: documents without any
  std::map<SumKey, TaxSum> by_tax;       ///< counts are of lines; kNoName: lines without a tax

  /// Takes in a sale or a return; anything else has no money.
  void add(const Document& document);
};

/// The accounts that a document's money moves on (trial_balance.h).
enum class Account : unsigned char { kTender, kSales, kReturns, kTax, kDiscounts, kRounding };
std::string_view account_name(Account account);

struct AccountKey {
  std::string currency;
  Account account = Account::kTender;
  std::string name;  ///< the tender's type, the tax's code
  auto operator<=>(const AccountKey&) const = default;
};
using Accounts = std::map<AccountKey, AccountSum>;

/// Books a sale or a return: debit what was taken (tenders, or the total where no tender was given) and the
/// discounts, credit the goods without their taxes and the taxes; a return the other way round. What was
/// taken may be rounded to the currency's minor unit: that difference, of at most one minor unit, goes to the
/// rounding. More than that goes nowhere, and the balance shows it.
void book(Accounts& accounts, const Document& document);

}  // namespace tillsync
