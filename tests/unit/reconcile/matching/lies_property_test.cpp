// Whatever a store did and however central lies about it: every lie is found, and nothing else is.
#include <rapidcheck.h>

#include <set>

#include "tests/unit/reconcile/world.h"

namespace tillsync {
namespace {

using namespace testing;

enum class Lie { kNone, kMissing, kTotal, kLine, kSku, kDoubled };

std::string pence(std::int64_t amount) {
  const std::int64_t whole = amount < 0 ? -amount : amount;
  const std::string cents = std::to_string(whole % 100);
  return (amount < 0 ? "-" : "") + std::to_string(whole / 100) + (cents.size() < 2 ? ".0" : ".") + cents;
}

Decimal decimal(std::int64_t amount) {
  return *Decimal::parse(pence(amount), 2);
}

Document random_trade(const std::string& id, bool is_return, std::int64_t& total) {
  const int count = *rc::gen::inRange(1, 4);
  std::string lines;
  total = 0;
  for (int i = 0; i < count; ++i) {
    const auto price = *rc::gen::inRange<std::int64_t>(0, 5000);
    const auto quantity = *rc::gen::inRange<std::int64_t>(1, 5);
    total += price * quantity;
    lines += (i == 0 ? "" : ",") + std::string("{\"sku\":\"K") + std::to_string(i) + "\",\"quantity\":\"" +
             std::to_string(quantity) + "\",\"unit_price\":\"" + pence(price) + "\"}";
  }
  const std::string type = is_return ? "return" : "sale";
  const std::string said = *rc::gen::inRange(0, 2) == 0 ? "" : ",\"total\":\"" + pence(total) + "\"";
  return document(id, "\"type\":\"" + type + "\",\"lines\":[" + lines + "]" + said);
}

struct Expected {
  std::set<std::string> missing, doubled, extra;
  std::set<std::pair<std::string, std::string>> different;  ///< id and member
  std::int64_t matched = 0, journal_total = 0, central_total = 0;
};

void tell(ReportWorld& world, const Document& sent, std::int64_t total, int sign, Lie lie,
          Expected& expected) {
  CentralRow row = honest_row(sent, "erp");
  if (lie == Lie::kMissing) {
    expected.missing.insert(sent.id);
    return;
  }
  if (lie == Lie::kTotal) {
    total += *rc::gen::element<std::int64_t>(-1, 1, 1000);
    if (total < 0) total = 1;
    row.total = pence(total);
    expected.different.emplace(sent.id, "/total");
  }
  if (lie == Lie::kLine) {
    set_at(row.document, "/lines/0/unit_price", "77777.77");
    expected.different.emplace(sent.id, "/lines/0/unit_price");
  }
  if (lie == Lie::kSku) {
    set_at(row.document, "/lines/0/sku", "SWAPPED");
    expected.different.emplace(sent.id, "/lines/0/sku");
  }
  if (lie == Lie::kNone || lie == Lie::kDoubled) ++expected.matched;
  expected.central_total += sign * total;
  world.central.rows.push_back(row);
  if (lie != Lie::kDoubled) return;
  row.central_reference += "-again";
  world.central.rows.push_back(row);
  expected.central_total += sign * total;
  expected.doubled.insert(sent.id);
}

void compare(const TargetFindings& found, const Expected& expected) {
  std::set<std::string> missing, doubled, extra;
  for (const Finding& one : found.missing) missing.insert(one.id);
  for (const Finding& one : found.unexpected) (one.reason == "doubled" ? doubled : extra).insert(one.id);
  std::set<std::pair<std::string, std::string>> different;
  for (const DifferentMember& one : found.different) different.emplace(one.document.id, one.member);
  RC_ASSERT(missing == expected.missing);
  RC_ASSERT(found.missing.size() == expected.missing.size());
  RC_ASSERT(doubled == expected.doubled);
  RC_ASSERT(extra == expected.extra);
  RC_ASSERT(found.unexpected.size() == doubled.size() + extra.size());
  RC_ASSERT(different == expected.different);
  RC_ASSERT(found.different.size() == different.size());
  RC_ASSERT(found.matched == expected.matched);
  RC_ASSERT(found.pending.empty());
  const auto sum = [](const Totals& totals) { return totals.contains("GBP") ? totals.at("GBP") : Decimal(); };
  RC_ASSERT(sum(found.journal_total) == decimal(expected.journal_total));
  RC_ASSERT(sum(found.central_total) == decimal(expected.central_total));
}

TEST_CASE(
    "matching: random lies of central are found exactly, and totals are exact to the last decimal (I6)") {
  CHECK(rc::check([] {
    ReportWorld world;
    Expected expected;
    const int documents = *rc::gen::inRange(0, 25);
    for (int i = 0; i < documents; ++i) {
      const bool is_return = *rc::gen::inRange(0, 4) == 0;
      std::int64_t total = 0;
      auto& entry = world.journal.add(random_trade("D" + std::to_string(i), is_return, total));
      world.journal.deliver(entry, "erp");
      expected.journal_total += (is_return ? -1 : 1) * total;
      const Lie lie = *rc::gen::weightedElement<Lie>({{8, Lie::kNone},
                                                      {1, Lie::kMissing},
                                                      {1, Lie::kTotal},
                                                      {1, Lie::kLine},
                                                      {1, Lie::kSku},
                                                      {1, Lie::kDoubled}});
      tell(world, entry.document.stored.document, total, is_return ? -1 : 1, lie, expected);
    }
    const int extras = *rc::gen::inRange(0, 3);
    for (int i = 0; i < extras; ++i) {
      std::int64_t total = 0;
      const Document stray = random_trade("X" + std::to_string(i), false, total);
      world.central.rows.push_back(honest_row(stray, "erp"));
      expected.central_total += total;
      expected.extra.insert(stray.id);
    }
    // Central lists in an order of its own.
    SeededRandom random(static_cast<std::uint64_t>(documents * 7 + extras));
    for (std::size_t i = world.central.rows.size(); i > 1; --i) {
      std::swap(world.central.rows[i - 1], world.central.rows[random.below(i)]);
    }
    world.read_back();
    const Report report = world.report();
    compare(report.targets[0].findings, expected);
    const bool honest = expected.missing.empty() && expected.doubled.empty() && expected.extra.empty() &&
                        expected.different.empty();
    RC_ASSERT(report.balanced() == honest);
  }));
}

TEST_CASE(
    "matching: whatever a target cannot list, the journal's count and money are central's and the unlisted") {
  CHECK(rc::check([] {
    ReportWorld world;
    world.central.listed.emplace();
    for (const DocumentType type : {DocumentType::kSale, DocumentType::kReturn, DocumentType::kStockCount}) {
      if (*rc::gen::inRange(0, 2) == 0) world.central.listed->insert(type);
    }
    const int documents = *rc::gen::inRange(0, 25);
    std::int64_t listed = 0;
    for (int i = 0; i < documents; ++i) {
      std::int64_t total = 0;
      const std::string id = "D" + std::to_string(i);
      const int kind = *rc::gen::inRange(0, 3);
      Document made = kind == 2 ? document(id, R"("type":"stock_count","lines":[{"sku":"A","counted":"4"}])")
                                : random_trade(id, kind == 1, total);
      const bool shown = world.central.listed->contains(made.type);
      listed += shown ? 1 : 0;
      world.traded(std::move(made));
      if (!shown) world.central.rows.pop_back();
    }
    world.read_back();
    const Report report = world.report();
    const TargetFindings& found = report.targets[0].findings;
    RC_ASSERT(report.balanced());
    RC_ASSERT(found.matched == listed);
    std::int64_t count = found.central_count;
    Totals total = found.central_total;
    for (const auto& [type, sum] : found.not_listed) {
      RC_ASSERT(!world.central.listed->contains(type));
      count += sum.count;
      for (const auto& [currency, amount] : sum.total) total[currency] += amount;
    }
    RC_ASSERT(count == found.journal_count);
    const auto of = [](const Totals& all) { return all.contains("GBP") ? all.at("GBP") : Decimal(); };
    RC_ASSERT(of(total) == of(found.journal_total));
  }));
}

}  // namespace
}  // namespace tillsync
