// Many tills at once, and central's ledger against what they posted.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/store.h"
#include "tests/support/central_process.h"
#include "tests/support/trading_day.h"

namespace tillsync::testing {

inline BusinessDay day_of(const char* text) {
  return BusinessDay::parse(text).value();
}

inline std::vector<std::string> bodies_of(const TillDay& till) {
  std::vector<std::string> bodies;
  for (const auto& document : till) bodies.push_back(document.body);
  return bodies;
}

/// Runs every till on a thread of its own to its end; true where all posted all.
inline bool post_at_once(std::vector<std::unique_ptr<Till>>& tills) {
  std::vector<char> done(tills.size(), 0);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < tills.size(); ++i) {
    threads.emplace_back([&, i] { done[i] = tills[i]->post_all() ? 1 : 0; });
  }
  for (auto& thread : threads) thread.join();
  return std::count(done.begin(), done.end(), 1) == static_cast<std::ptrdiff_t>(tills.size());
}

/// What a day's documents come to, summed here and nowhere in the product.
struct Expected {
  std::int64_t documents = 0;
  Decimal sales, returns;
  std::set<std::string> references;  ///< as central has them

  void add(const std::string& id, const std::string& type, const Decimal& total) {
    ++documents;
    references.insert("0417/" + id);
    if (type == "sale") sales += total;
    if (type == "return") returns += total;
  }
};

inline Expected expected_of(const std::vector<TillDay>& day) {
  Expected expected;
  for (const auto& till : day) {
    for (const auto& document : till) expected.add(document.id, document.type, document.total);
  }
  return expected;
}

/// Each document has exactly one effect in the target's ledger, nothing else has any, and the money is the
/// same to the last decimal.
inline void check_ledger(CentralProcess& central, const std::string& target, const Expected& expected) {
  CAPTURE(target);
  const auto ledger = central.ledger(target);
  CHECK(ledger.integer_of("effects") == expected.documents);
  CHECK(ledger.integer_of("documents") == expected.documents);
  CHECK(ledger.find("doubles")->as_array()->empty());
  if (!expected.sales.is_zero())
    CHECK(ledger.find("totals")->text_of("GBP") == (expected.sales - expected.returns).text(2));
  Decimal sales, returns;
  std::set<std::string> references;
  for (std::int64_t after = 0;;) {
    const auto page = central.effects(target, after);
    const auto& effects = *page.find("effects")->as_array();
    if (effects.empty()) break;
    for (const auto& effect : effects) {
      after = effect.integer_of("id");
      references.emplace(effect.text_of("reference"));
      if (effect.text_of("total").empty()) continue;
      const auto total = Decimal::parse(effect.text_of("total"), Decimal::kDecimals).value();
      if (effect.text_of("type") == "sale") sales += total;
      if (effect.text_of("type") == "return") returns += total;
    }
  }
  CHECK(sales.text() == expected.sales.text());
  CHECK(returns.text() == expected.returns.text());
  CHECK((references == expected.references));
}

/// Per target: everything matched, and the journal's and central's own sums are the expected ones.
inline void check_balanced(const Store::Balance& balance, const Expected& expected,
                           const std::vector<std::string>& targets) {
  CHECK(balance.exit_status == 0);
  const auto* balanced = balance.report.find("balanced")->as_bool();
  CHECK((balanced != nullptr && *balanced));
  for (const auto& name : targets) {
    CAPTURE(name);
    const auto* target = balance.report.find("targets")->find(name);
    REQUIRE(target != nullptr);
    CHECK(target->integer_of("matched") == expected.documents);
    for (const std::string side : {"journal", "central"}) {
      CAPTURE(side);
      CHECK(target->find(side)->integer_of("count") == expected.documents);
      if (!expected.sales.is_zero())
        CHECK(target->find(side)->find("total")->text_of("GBP") ==
              (expected.sales - expected.returns).text(2));
    }
    for (const std::string list : {"pending", "quarantined", "missing", "unexpected", "different"}) {
      CAPTURE(list);
      CHECK(target->find(list)->as_array()->empty());
    }
  }
}

}  // namespace tillsync::testing
