#include "reconcile/reports/sums.h"

#include <rapidcheck.h>

#include "reconcile/reports/trial_balance.h"
#include "tests/unit/reconcile/world.h"

namespace tillsync {
namespace {

using namespace testing;

Decimal amount(const std::string& text) {
  return *Decimal::parse(text, 4);
}

const std::string kSale =
    R"("type":"sale","lines":[)"
    R"({"sku":"A","quantity":"2","unit_price":"6.00","discounts":[{"reason":"staff","amount":"1.20"}],)"
    R"("taxes":[{"code":"V20","amount":"1.80"}]},)"
    R"({"sku":"B","quantity":"1","unit_price":"3.00"}],)"
    R"("tenders":[{"type":"cash","amount":"10.00"},{"type":"card","amount":"3.80"}])";
const std::string kReturn =
    R"("type":"return","lines":[{"sku":"A","quantity":"1","unit_price":"6.00",)"
    R"("taxes":[{"code":"V20","amount":"1.00"}]}],"tenders":[{"type":"cash","amount":"6.00"}])";

TEST_CASE("sums: by currency, day, till, tender and tax code; returns apart and taken off") {
  ReportSums sums;
  sums.add(document("S1", kSale));
  sums.add(document("R1", kReturn, "T2", "2026-11-24"));
  sums.add(document(
      "S2", R"("type":"sale","currency":"JPY","lines":[{"sku":"A","quantity":"1","unit_price":"90"}])"));
  sums.add(document("C1", R"("type":"stock_count","lines":[{"sku":"A","counted":"4"}])"));
  CHECK(sums.totals.at("GBP") == TradeSum{1, amount("13.80"), 1, amount("6.00")});
  CHECK(sums.totals.at("GBP").net() == amount("7.80"));
  CHECK(sums.totals.at("JPY").net() == amount("90"));
  CHECK(sums.by_day.at({"2026-11-23", "GBP"}) == TradeSum{1, amount("13.80"), 0, {}});
  CHECK(sums.by_day.at({"2026-11-24", "GBP"}) == TradeSum{0, {}, 1, amount("6.00")});
  CHECK(sums.by_terminal.at({"T2", "GBP"}).net() == amount("-6.00"));
  CHECK(sums.by_tender.at({"cash", "GBP"}) == TradeSum{1, amount("10.00"), 1, amount("6.00")});
  CHECK(sums.by_tender.at({"card", "GBP"}).net() == amount("3.80"));
  CHECK(sums.by_tender.at({kNoName, "JPY"}).sales == amount("90"));
  const TaxSum& vat = sums.by_tax.at({"V20", "GBP"});
  CHECK(vat.tax.net() == amount("0.80"));
  CHECK(vat.turnover == TradeSum{1, amount("10.80"), 1, amount("6.00")});
  CHECK(sums.by_tax.at({kNoName, "GBP"}).turnover.net() == amount("3.00"));
  CHECK(sums.by_tax.at({kNoName, "GBP"}).tax.net().is_zero());
}

TEST_CASE("sums: of names without end the first thousand stand, the rest is one; no money is lost") {
  ReportSums sums;
  for (int i = 0; i < 1'200; ++i)
    sums.add(sale("S" + std::to_string(i), "1.00", "", "T" + std::to_string(i)));
  CHECK(sums.by_terminal.size() == kSumNamesMax + 1);
  CHECK(sums.by_terminal.at({kOtherNames, "GBP"}) == TradeSum{200, amount("200"), 0, {}});
}

TEST_CASE("trial balance: each account, and debits that equal credits") {
  Accounts accounts;
  book(accounts, document("S1", kSale));
  book(accounts, document("R1", kReturn));
  const auto at = [&](Account account, const std::string& name) {
    return accounts.at(AccountKey{"GBP", account, name});
  };
  CHECK(at(Account::kTender, "cash") == AccountSum{amount("10.00"), amount("6.00")});
  CHECK(at(Account::kTender, "card") == AccountSum{amount("3.80"), {}});
  CHECK(at(Account::kDiscounts, "") == AccountSum{amount("1.20"), {}});
  CHECK(at(Account::kTax, "V20") == AccountSum{amount("1.00"), amount("1.80")});
  CHECK(at(Account::kSales, "") == AccountSum{{}, amount("13.20")});  // 15.00 with the tax in it
  CHECK(at(Account::kReturns, "") == AccountSum{amount("5.00"), {}});
  CHECK(accounts.size() == 6);
}

TEST_CASE("trial balance: what was rounded to pennies is an account of its own") {
  Accounts accounts;
  book(accounts,
       document("S1", R"("type":"sale","lines":[{"sku":"A","quantity":"0.333","unit_price":"1.00"}],)"
                      R"("tenders":[{"type":"cash","amount":"0.33"}])"));
  CHECK(accounts.at({"GBP", Account::kRounding, ""}) == AccountSum{amount("0.0030"), {}});
  Report report;
  report.accounts = accounts;
  CHECK(trial_balance(report).debits_equal_credits());
}

TEST_CASE("trial balance: money that no account explains shows, and does not balance") {
  Document broken = document("S1", kSale);
  std::get<Trade>(broken.content).tenders[0].amount = amount("10.02");
  Report report;
  book(report.accounts, broken);
  const TrialBalance balance = trial_balance(report);
  CHECK_FALSE(balance.debits_equal_credits());
  CHECK_FALSE(balance.balanced());
  CHECK(balance.totals.at("GBP").debit - balance.totals.at("GBP").credit == amount("0.02"));
  CHECK(json::dump(trial_balance_json(report)).find("\"balanced\":false") != std::string::npos);
}

TEST_CASE("trial balance: whatever tills may post, debits equal credits to the last decimal") {
  CHECK(rc::check([] {
    Report report;
    const int documents = *rc::gen::inRange(1, 8);
    for (int i = 0; i < documents; ++i) {
      Trade trade;
      trade.prices_include_tax = *rc::gen::arbitrary<bool>();
      const int lines = *rc::gen::inRange(1, 5);
      for (int n = 0; n < lines; ++n) {
        TradeLine line;
        line.sku = "A";
        line.quantity = Decimal::from_units(*rc::gen::inRange(1, 90'000) * Decimal::Units(10'000));
        line.unit_price = Decimal::from_units(*rc::gen::inRange(0, 900'000) * Decimal::Units(1'000));
        if (*rc::gen::arbitrary<bool>()) line.taxes.push_back({"V", line.unit_price});
        if (*rc::gen::arbitrary<bool>()) line.discounts.push_back({"d", Decimal::from_units(1'000)});
        trade.lines.push_back(std::move(line));
      }
      const Decimal exact = exact_sum(trade);
      if (exact.is_negative()) continue;
      const Decimal taken = *rc::gen::arbitrary<bool>() ? exact : exact.rounded(2);
      if (*rc::gen::arbitrary<bool>()) trade.total = taken;
      if (*rc::gen::arbitrary<bool>()) trade.tenders = {{"cash", taken, std::nullopt}};
      Document made = sale("S");
      made.type = *rc::gen::arbitrary<bool>() ? DocumentType::kReturn : DocumentType::kSale;
      made.content = std::move(trade);
      book(report.accounts, made);
    }
    RC_ASSERT(trial_balance(report).debits_equal_credits());
  }));
}

TEST_CASE("trial balance: central's money beside it; a difference, or a list that is old, does not balance") {
  ReportWorld world;
  world.traded(document("S1", kSale));
  world.traded(document("R1", kReturn));
  world.read_back();
  Report report = world.report();
  CHECK(trial_balance(report).balanced());
  CHECK(trial_balance(report).targets.at(0).central.at("GBP") == amount("7.80"));
  CHECK(trial_balance_csv(report).find("target_difference,erp,GBP,,,0.00,current\r\n") != std::string::npos);
  world.traded(sale("S2", "1.00"));
  CHECK_FALSE(trial_balance(world.report()).balanced());
  world.central.rows.back().total = "1.01";
  world.read_back();
  report = world.report();
  CHECK_FALSE(trial_balance(report).balanced());
  CHECK(trial_balance(report).debits_equal_credits());
  CHECK(trial_balance(report).targets.at(0).difference.at("GBP") == amount("-0.01"));
}

}  // namespace
}  // namespace tillsync
