#include "reconcile/reports/sums.h"

#include <variant>

#include "outbox/document/currency.h"
#include "platform/base/check.h"

namespace tillsync {
namespace {

template <class Sums>
typename Sums::mapped_type& entry(Sums& sums, const std::string& name, const std::string& currency) {
  const auto found = sums.find(SumKey(name, currency));
  if (found != sums.end()) return found->second;
  return sums[SumKey(sums.size() < kSumNamesMax ? name : kOtherNames, currency)];
}

Decimal less_discounts(const TradeLine& line) {
  Decimal amount = line_amount(line);
  for (const Discount& discount : line.discounts) amount -= discount.amount;
  return amount;
}

/// One document's entries; a return's go to the other side.
class Booking {
 public:
  Booking(Accounts& accounts, const Document& document)
      : accounts_(accounts), currency_(document.currency), turned_(document.type == DocumentType::kReturn) {}
  void debit(Account account, const std::string& name, const Decimal& amount) {
    put(account, name, amount, !turned_);
  }
  void credit(Account account, const std::string& name, const Decimal& amount) {
    put(account, name, amount, turned_);
  }

 private:
  void put(Account account, const std::string& name, const Decimal& amount, bool on_debit) {
    if (amount.is_zero()) return;
    if (amount.is_negative()) return put(account, name, -amount, !on_debit);
    AccountSum& sum = entry_of(account, name);
    (on_debit ? sum.debit : sum.credit) += amount;
  }
  AccountSum& entry_of(Account account, const std::string& name) {
    const auto found = accounts_.find(AccountKey{currency_, account, name});
    if (found != accounts_.end()) return found->second;
    return accounts_[AccountKey{currency_, account, accounts_.size() < kSumNamesMax ? name : kOtherNames}];
  }

  Accounts& accounts_;
  const std::string& currency_;
  const bool turned_;
};

}  // namespace

void TradeSum::add(DocumentType type, const Decimal& amount) {
  const bool returned = type == DocumentType::kReturn;
  ++(returned ? returns_count : sales_count);
  (returned ? returns : sales) += amount;
}

std::string_view account_name(Account account) {
  switch (account) {
    case Account::kTender:
      return "tender";
    case Account::kSales:
      return "sales";
    case Account::kReturns:
      return "returns";
    case Account::kTax:
      return "tax";
    case Account::kDiscounts:
      return "discounts";
    case Account::kRounding:
      return "rounding";
  }
  TILLSYNC_CHECK(false, "an account has one of the names");
}

void ReportSums::add(const Document& document) {
  const auto* trade = std::get_if<Trade>(&document.content);
  if (trade == nullptr) return;
  const DocumentType type = document.type;
  const std::string& currency = document.currency;
  const Decimal total = *document_total(document);
  totals[currency].add(type, total);
  by_day[SumKey(document.business_day.text(), currency)].add(type, total);
  entry(by_terminal, document.terminal, currency).add(type, total);
  for (const Tender& tender : trade->tenders)
    entry(by_tender, tender.type, currency).add(type, tender.amount);
  if (trade->tenders.empty()) entry(by_tender, kNoName, currency).add(type, total);
  for (const TradeLine& line : trade->lines) {
    const Decimal turnover = less_discounts(line);
    if (line.taxes.empty()) entry(by_tax, kNoName, currency).turnover.add(type, turnover);
    for (const Tax& tax : line.taxes) {
      TaxSum& sum = entry(by_tax, tax.code, currency);
      sum.tax.add(type, tax.amount);
      sum.turnover.add(type, turnover);
    }
  }
}

void book(Accounts& accounts, const Document& document) {
  const auto* trade = std::get_if<Trade>(&document.content);
  if (trade == nullptr) return;
  Booking booking(accounts, document);
  Decimal taken;
  for (const Tender& tender : trade->tenders) {
    taken += tender.amount;
    booking.debit(Account::kTender, tender.type, tender.amount);
  }
  if (trade->tenders.empty()) {
    taken = *document_total(document);
    booking.debit(Account::kTender, kNoName, taken);
  }
  Decimal goods;
  for (const TradeLine& line : trade->lines) {
    goods += line_amount(line);
    for (const Discount& discount : line.discounts)
      booking.debit(Account::kDiscounts, kNoName, discount.amount);
    for (const Tax& tax : line.taxes) {
      if (trade->prices_include_tax) goods -= tax.amount;
      booking.credit(Account::kTax, tax.code, tax.amount);
    }
  }
  booking.credit(document.type == DocumentType::kReturn ? Account::kReturns : Account::kSales, kNoName,
                 goods);
  const Decimal rounding = taken - exact_sum(*trade);
  if (rounding.abs() <= Decimal::minor_unit(currency_decimals(document.currency).value_or(2)))
    booking.credit(Account::kRounding, kNoName, rounding);
}

}  // namespace tillsync
