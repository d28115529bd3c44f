#include "reconcile/reports/trial_balance.h"

#include <algorithm>
#include <array>

#include "outbox/document/currency.h"
#include "platform/base/csv.h"
#include "reconcile/reports/csv_field.h"

namespace tillsync {
namespace {

std::string amount_in(const Decimal& amount, const std::string& currency) {
  return amount.text(currency_decimals(currency).value_or(2));
}

Decimal amount_of(const Totals& totals, const std::string& currency) {
  const auto found = totals.find(currency);
  return found == totals.end() ? Decimal() : found->second;
}

void subtract(Totals& from, const Totals& what) {
  for (const auto& [currency, amount] : what) from[currency] -= amount;
}

TrialBalance::Target side_of(const TargetReport& target) {
  TrialBalance::Target side{.name = target.name, .read_back_is_current = target.read_back_is_current};
  side.journal = target.findings.journal_total;
  side.central = target.findings.central_total;
  for (const auto& [type, sum] : target.findings.not_listed) {
    for (const auto& [currency, amount] : sum.total) side.not_listed[currency] += amount;
  }
  side.difference = side.journal;
  subtract(side.difference, side.not_listed);
  subtract(side.difference, side.central);
  std::erase_if(side.difference, [](const auto& entry) { return entry.second.is_zero(); });
  return side;
}

json::Value currency_json(const Report& report, const std::string& currency,
                          const TrialBalance::Sides& sides) {
  json::Array accounts;
  for (const auto& [key, sum] : report.accounts) {
    if (key.currency != currency) continue;
    accounts.push_back(json::Object{{"account", account_name(key.account)},
                                    {"name", key.name.empty() ? json::Value() : json::Value(key.name)},
                                    {"debit", amount_in(sum.debit, currency)},
                                    {"credit", amount_in(sum.credit, currency)}});
  }
  return json::Object{{"accounts", std::move(accounts)},
                      {"debit", amount_in(sides.debit, currency)},
                      {"credit", amount_in(sides.credit, currency)},
                      {"balanced", sides.debit == sides.credit}};
}

constexpr std::array<std::string_view, 7> kHeader = {"record", "name",   "currency", "debit",
                                                     "credit", "amount", "state"};

void add_row(std::string& out, const std::array<std::string, kHeader.size()>& row) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i != 0) out += ',';
    append_csv_field(out, harmless_csv_field(row[i]));
  }
  out += "\r\n";
}

}  // namespace

bool TrialBalance::debits_equal_credits() const {
  return std::all_of(totals.begin(), totals.end(),
                     [](const auto& entry) { return entry.second.debit == entry.second.credit; });
}

bool TrialBalance::balanced() const {
  return debits_equal_credits() && std::all_of(targets.begin(), targets.end(), [](const Target& target) {
           return target.read_back_is_current && target.difference.empty();
         });
}

TrialBalance trial_balance(const Report& report) {
  TrialBalance balance;
  for (const auto& [key, sum] : report.accounts) {
    TrialBalance::Sides& sides = balance.totals[key.currency];
    sides.debit += sum.debit;
    sides.credit += sum.credit;
  }
  for (const TargetReport& target : report.targets) balance.targets.push_back(side_of(target));
  return balance;
}

json::Value trial_balance_json(const Report& report) {
  const TrialBalance balance = trial_balance(report);
  json::Object currencies;
  for (const auto& [currency, sides] : balance.totals) {
    currencies.emplace_back(currency, currency_json(report, currency, sides));
  }
  json::Object targets;
  for (std::size_t i = 0; i < balance.targets.size(); ++i) {
    const TrialBalance::Target& side = balance.targets[i];
    const auto& read_back_at = report.targets[i].read_back_at;
    targets.emplace_back(
        side.name,
        json::Object{{"journal", totals_json(side.journal)},
                     {"not_listed", totals_json(side.not_listed)},
                     {"central", totals_json(side.central)},
                     {"difference", totals_json(side.difference)},
                     {"read_back_at", read_back_at ? json::Value(format_utc(*read_back_at)) : json::Value()},
                     {"read_back_is_current", side.read_back_is_current}});
  }
  return json::Object{
      {"store", report.store},
      {"from", report.from.text()},
      {"to", report.to.text()},
      {"generated_at", format_utc(report.generated_at)},
      {"head", json::Object{{"sequence", report.head.sequence.value}, {"hash", to_hex(report.head.hash)}}},
      {"balanced", balance.balanced()},
      {"debits_equal_credits", balance.debits_equal_credits()},
      {"currencies", std::move(currencies)},
      {"targets", std::move(targets)}};
}

std::string trial_balance_csv(const Report& report) {
  const TrialBalance balance = trial_balance(report);
  std::string out;
  std::array<std::string, kHeader.size()> row;
  std::copy(kHeader.begin(), kHeader.end(), row.begin());
  add_row(out, row);
  add_row(out,
          {"trial_balance", report.store, "", "", "", "", balance.balanced() ? "balanced" : "not balanced"});
  for (const auto& [key, sum] : report.accounts) {
    add_row(out, {std::string(account_name(key.account)), key.name, key.currency,
                  amount_in(sum.debit, key.currency), amount_in(sum.credit, key.currency), "", ""});
  }
  for (const auto& [currency, sides] : balance.totals) {
    add_row(out, {"total", "", currency, amount_in(sides.debit, currency), amount_in(sides.credit, currency),
                  "", sides.debit == sides.credit ? "balanced" : "not balanced"});
  }
  for (const TrialBalance::Target& side : balance.targets) {
    Totals all = side.journal;
    for (const auto& [currency, amount] : side.central) all.try_emplace(currency);
    const std::string state = side.read_back_is_current ? "current" : "old";
    for (const auto& each : all) {
      const std::string& currency = each.first;
      const auto line = [&](const char* record, const Totals& of) {
        add_row(out,
                {record, side.name, currency, "", "", amount_in(amount_of(of, currency), currency), state});
      };
      line("target_journal", side.journal);
      line("target_not_listed", side.not_listed);
      line("target_central", side.central);
      line("target_difference", side.difference);
    }
  }
  return out;
}

}  // namespace tillsync
