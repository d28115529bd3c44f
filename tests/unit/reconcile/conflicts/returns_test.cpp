// A return against its sale, the returns before it, and central's policy.
#include "reconcile/conflicts/returns.h"

#include "reconcile/conflicts/resolving.h"
#include "tests/unit/reconcile/store.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

Document sold(const std::string& lines, const std::string& on = kDay) {
  return document("S1", R"("type":"sale","lines":)" + lines, "T1", on);
}
Document returned(const std::string& id, const std::string& lines,
                  const std::string& original = R"({"id":"S1"})", const std::string& on = kDay) {
  return document(
      id, R"("type":"return","lines":)" + lines + (original.empty() ? "" : ",\"original\":" + original), "T1",
      on);
}

const std::string kTwo = R"([{"sku":"A","quantity":2,"unit_price":"10.00"}])";
const std::string kOne = R"([{"sku":"A","quantity":1,"unit_price":"10.00"}])";

ReturnCase about(const Document& content, std::optional<Document> sale) {
  ReturnCase what{Sequence{9}, content, "erp", {"erp", "crm"}, std::move(sale), ReturnCase::Sale::kUntold,
                  {},          {},      {}};
  if (what.sale) what.known = ReturnCase::Sale::kKnown;
  return what;
}

ConflictPolicies with(const std::string& all) {
  ConflictSettings settings;
  for (auto* setting :
       {&settings.return_unknown_sale, &settings.return_already_refunded, &settings.return_over_quantity,
        &settings.return_outside_policy, &settings.return_price_differs})
    *setting = all;
  return ConflictPolicies(settings);
}

std::vector<std::string> kinds(const ReturnReview& review) {
  std::vector<std::string> names;
  for (const auto& fact : review.found) names.push_back(fact.kind);
  return names;
}
using Kinds = std::vector<std::string>;

}  // namespace

TEST_CASE("returns: one that is as it should be has no conflict") {
  CHECK(kinds(review_return(about(returned("R1", kOne), sold(kTwo)), with("hold"), {})).empty());
  const auto both = returned("R1", kTwo);
  auto within = about(both, sold(kTwo));
  within.policy = ReturnCase::Policy{30, true};
  within.others = {{"0099/R7", true, {}}};
  CHECK(kinds(review_return(within, with("hold"), {})).empty());
}

TEST_CASE("returns: of a sale that neither side knows; where central could not tell, nothing is said") {
  const auto content = returned("R1", kOne);
  auto what = about(content, std::nullopt);
  CHECK(kinds(review_return(what, with("flag"), {})).empty());
  what.known = ReturnCase::Sale::kUnknown;
  const auto review = review_return(what, with("flag"), {});
  CHECK(kinds(review) == Kinds{"return-unknown-sale"});
  CHECK(!review.waits);
  CHECK(!review.rejected);
  CHECK(review.found[0].decision == "flagged");
}

TEST_CASE("returns: more than was sold here, and what another store gave money for already") {
  const auto again = returned("R2", kTwo);
  auto what = about(again, sold(kTwo));
  what.others = {{"0417/R1", false, std::get<Trade>(returned("R1", kOne).content)}};
  CHECK(kinds(review_return(what, with("flag"), {})) == Kinds{"return-over-quantity"});
  what.others[0].elsewhere = true;
  what.others[0].reference = "0099/R1";
  const auto review = review_return(what, with("flag"), {});
  CHECK(kinds(review) == Kinds{"return-already-refunded"});
  CHECK(review.found[0].subject == "A");
  CHECK(json::dump(review.found[0].central).find("0099/R1") != std::string::npos);
  // An article that the sale does not have was never sold.
  CHECK(
      kinds(review_return(about(returned("R3", R"([{"sku":"B","quantity":1,"unit_price":"1"}])"), sold(kTwo)),
                          with("flag"), {})) == Kinds{"return-over-quantity"});
}

TEST_CASE("returns: the refund is held against what was paid, discounts included, to the minor unit") {
  const auto dear = returned("R1", R"([{"sku":"A","quantity":1,"unit_price":"10.01"}])");
  CHECK(kinds(review_return(about(dear, sold(kTwo)), with("flag"), {})) == Kinds{"return-price-differs"});
  const auto discounted =
      R"([{"sku":"A","quantity":3,"unit_price":"10.00","discounts":[{"reason":"offer","amount":"10.00"}]}])";
  CHECK(kinds(review_return(about(returned("R1", kOne), sold(discounted)), with("flag"), {})) ==
        Kinds{"return-price-differs"});
  // 20.00 for three: a third is 6.67, rounded.
  const auto third = returned("R1", R"([{"sku":"A","quantity":1,"unit_price":"6.67"}])");
  CHECK(kinds(review_return(about(third, sold(discounted)), with("flag"), {})).empty());
}

TEST_CASE("returns: outside of central's policy, by days or for want of a receipt") {
  const auto late = returned("R1", kOne, R"({"id":"S1"})", "2026-12-24");
  auto what = about(late, sold(kTwo));
  what.policy = ReturnCase::Policy{30, false};
  CHECK(kinds(review_return(what, with("flag"), {})) == Kinds{"return-outside-policy"});
  what.policy = ReturnCase::Policy{31, false};
  CHECK(kinds(review_return(what, with("flag"), {})).empty());
  const auto bare = returned("R2", kOne, "");
  auto without = about(bare, std::nullopt);
  without.policy = ReturnCase::Policy{30, true};
  CHECK(kinds(review_return(without, with("flag"), {})) == Kinds{"return-outside-policy"});
  CHECK(refund_policy_of(*json::parse(R"({"days":14,"receipt_required":true})"))->days == 14);
  CHECK(!refund_policy_of(*json::parse("[]")).has_value());
}

TEST_CASE("returns: hold waits for a person, reject needs none, off does not look") {
  const auto content = returned("R2", R"([{"sku":"A","quantity":3,"unit_price":"10.00"}])");
  const auto what = about(content, sold(kTwo));
  CHECK(review_return(what, with("off"), {}).found.empty());
  const auto held = review_return(what, with("hold"), {});
  CHECK(held.waits);
  CHECK(held.found[0].choices == std::vector<std::string>{"approve", "reject"});
  CHECK(held.found[0].steps == std::vector<std::string>{"erp", "crm"});
  const auto refused = review_return(what, with("reject"), {});
  CHECK(refused.rejected);
  CHECK(!refused.waits);

  // What the journal has is not found anew, and counts until somebody decides otherwise.
  ConflictView view{Sequence{50}, UtcTime{}, held.found[0], {}};
  CHECK(review_return(what, with("hold"), {view}).waits);
  CHECK(review_return(what, with("hold"), {view}).found.empty());
  view.resolution = ConflictView::Resolution{UtcTime{}, {view.record, "approve", "r", "Ann"}};
  CHECK(!review_return(what, with("hold"), {view}).waits);
  CHECK(!review_return(what, with("hold"), {view}).rejected);
  view.resolution->fact.choice = "reject";
  CHECK(review_return(what, with("hold"), {view}).rejected);
  const ConflictView by_policy{Sequence{50}, UtcTime{}, refused.found[0], {}};
  CHECK(review_return(what, with("reject"), {by_policy}).rejected);
  auto retried = what;
  retried.retried_at = Sequence{51};
  CHECK(!review_return(retried, with("reject"), {by_policy}).rejected);
}

TEST_CASE("resolving: what waited goes on once nothing is open, and is given up where the choice says so") {
  const auto content = returned("R2", R"([{"sku":"A","quantity":3,"unit_price":"11.00"}])");
  const auto held = review_return(about(content, sold(kTwo)), with("hold"), {});
  REQUIRE(held.found.size() == 2);
  std::vector<ConflictView> views;
  for (const auto& fact : held.found)
    views.push_back({Sequence{50 + static_cast<std::int64_t>(views.size())}, UtcTime{}, fact, {}});
  const auto choose = [&](std::size_t i, const std::string& choice) {
    views[i].resolution = ConflictView::Resolution{UtcTime{}, {views[i].record, choice, "ok", "Ann"}};
    return consequences(views[i], views);
  };
  CHECK(choose(0, "approve").empty());
  const auto both = choose(1, "approve");
  REQUIRE(both.size() == 2);
  CHECK(both[0].kind == DecisionFact::Kind::kRetry);
  CHECK(both[0].delivery == DeliveryKey{Sequence{9}, "erp"});
  CHECK(both[0].by == "Ann");
  views[1].resolution.reset();
  CHECK(choose(0, "reject").at(1).kind == DecisionFact::Kind::kDiscard);
}
