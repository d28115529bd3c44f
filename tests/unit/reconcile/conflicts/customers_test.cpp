// A customer changed on both sides: field by field, against what the till saw.
#include "reconcile/conflicts/customers.h"

#include <rapidcheck.h>

#include "tests/unit/reconcile/store.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

Document update(const std::string& changes, const std::string& base = "") {
  return document("U1", R"("type":"customer_update","customer":"C1","changes":)" + changes +
                            (base.empty() ? "" : ",\"base\":" + base));
}

CustomerChange change(const Document& document, const std::string& central, bool changed_since = true) {
  CustomerChange out{Sequence{7}, document, "crm", {"crm"}};
  if (!central.empty()) out.central = CustomerAtCentral{*json::parse(central), "v9", changed_since};
  return out;
}

ConflictPolicies with(const std::string& customers, std::map<std::string, std::string> fields = {}) {
  ConflictSettings settings;
  settings.customers = customers;
  settings.customer_fields = std::move(fields);
  return ConflictPolicies(settings);
}

/// As the journal has them afterwards.
std::vector<ConflictView> recorded(const CustomerReview& review, const std::string& choice = "") {
  std::vector<ConflictView> views;
  for (const auto& fact : review.found) {
    ConflictView view{Sequence{100 + static_cast<std::int64_t>(views.size())}, UtcTime{}, fact, {}};
    if (fact.is_open() && !choice.empty())
      view.resolution = ConflictView::Resolution{UtcTime{}, {view.record, choice, "because", "Ann"}};
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace

TEST_CASE("customers: nothing clashes where central has what the till saw, or what it says") {
  const auto document =
      update(R"({"email":"new@x.example","city":"York"})", R"({"email":"old@x.example","city":"Hull"})");
  const auto same = change(document, R"({"id":"C1","email":"old@x.example","city":"York"})");
  const auto review = review_customer(same, with("ask"), {});
  CHECK(review.found.empty());
  CHECK(!review.waits);
  CHECK(review.withheld.empty());
  CHECK(review_customer(change(document, ""), with("ask"), {}).found.empty());
}

TEST_CASE("customers: who wins is the policy's word, per field, and both values are kept") {
  const auto document =
      update(R"({"email":"till@x.example","city":"York"})", R"({"email":"old@x.example","city":"Hull"})");
  const auto what = change(document, R"({"email":"central@x.example","city":"Leeds"})");
  const auto review = review_customer(what, with("store", {{"city", "central"}}), {});
  REQUIRE(review.found.size() == 2);
  CHECK(review.withheld == std::vector<std::string>{"city"});
  const auto& email = review.found[0];
  CHECK(email.decision == "store");
  CHECK(email.policy == "customers = store");
  CHECK(email.store.text_of("value") == "till@x.example");
  CHECK(email.store.text_of("base") == "old@x.example");
  CHECK(email.central.text_of("value") == "central@x.example");
  CHECK(review.found[1].policy == "customer_fields.city = central");
  const auto left = without_fields(document, review.withheld);
  REQUIRE(left.has_value());
  CHECK(std::get<CustomerUpdate>(left->content).changes == R"({"email":"till@x.example"})");
  CHECK(std::get<CustomerUpdate>(left->content).base == R"({"email":"old@x.example"})");
  CHECK(!without_fields(document, {"email", "city"}).has_value());
}

TEST_CASE("customers: newest goes by central's version, not by a clock") {
  const auto document = update(R"({"city":"York"})", R"({"city":"Hull"})");
  CHECK(review_customer(change(document, R"({"city":"Leeds"})", true), with("newest"), {})
            .found.at(0)
            .decision == "central");
  CHECK(review_customer(change(document, R"({"city":"Leeds"})", false), with("newest"), {})
            .found.at(0)
            .decision == "store");
}

TEST_CASE("customers: a person who is asked decides once, whatever central says by then") {
  const auto document = update(R"({"city":"York"})", R"({"city":"Hull"})");
  const auto policies = with("ask");
  const auto first = review_customer(change(document, R"({"city":"Leeds"})"), policies, {});
  CHECK(first.waits);
  CHECK(review_customer(change(document, R"({"city":"Ripon"})"), policies, recorded(first)).waits);
  const auto by_central =
      review_customer(change(document, R"({"city":"Ripon"})"), policies, recorded(first, "central"));
  CHECK(!by_central.waits);
  CHECK(by_central.withheld == std::vector<std::string>{"city"});
  CHECK(by_central.found.empty());
  const auto by_store =
      review_customer(change(document, R"({"city":"Ripon"})"), policies, recorded(first, "store"));
  CHECK(!by_store.waits);
  CHECK(by_store.withheld.empty());
}

TEST_CASE("customers: without the till's base what the store last knew of central is the base") {
  const auto document = update(R"({"city":"York"})");
  auto what = change(document, R"({"city":"Leeds"})");
  what.known = *json::parse(R"({"city":"Leeds"})");
  CHECK(review_customer(what, with("ask"), {}).found.empty());
  what.known = *json::parse(R"({"city":"Hull"})");
  CHECK(review_customer(what, with("ask"), {}).found.size() == 1);
  what.known.reset();  // nobody knows: central has another word, and that may be the newer one
  CHECK(review_customer(what, with("ask"), {}).found.size() == 1);
}

TEST_CASE("customers: what the store itself said before is no change of central's, whatever the till saw") {
  const auto document =
      update(R"({"city":"York","email":"new@x.example"})", R"({"city":"Hull","email":"old@x.example"})");
  auto what = change(document, R"({"city":"Leeds","email":"central@x.example"})");
  what.own = *json::parse(R"({"city":"Leeds","email":"own@x.example"})");
  const auto review = review_customer(what, with("ask"), {});
  REQUIRE(review.found.size() == 1);
  CHECK(review.found[0].subject == "email");
}

TEST_CASE("customers: consent is never loosened by the way of a clash, whatever the policy") {
  for (const auto* policy : {"store", "central", "newest", "ask"}) {
    CAPTURE(policy);
    const auto loosens = update(R"({"marketing_consent":true,"do_not_contact":false})",
                                R"({"marketing_consent":null,"do_not_contact":null})");
    const auto review = review_customer(
        change(loosens, R"({"marketing_consent":false,"do_not_contact":true})"), with(policy), {});
    REQUIRE(review.found.size() == 2);
    CHECK(review.withheld.size() == 2);
    CHECK(review.found[0].kind == "customer-consent");
    const auto tightens = update(R"({"marketing_consent":false,"do_not_contact":true})",
                                 R"({"marketing_consent":null,"do_not_contact":null})");
    CHECK(review_customer(change(tightens, R"({"marketing_consent":true,"do_not_contact":false})"),
                          with(policy), {})
              .withheld.empty());
  }
  // The customer agreed at the till, which saw what central has: that is no clash.
  const auto agreed = update(R"({"marketing_consent":true})", R"({"marketing_consent":false})");
  CHECK(review_customer(change(agreed, R"({"marketing_consent":false})"), with("store"), {}).found.empty());
}

TEST_CASE("customers: one e-mail under two numbers is a merge that is proposed, not made") {
  const auto document = update(R"({"email":"ann@x.example"})");
  const std::vector<CustomerTwin> twins{{"C2", *json::parse(R"({"email":"ann@x.example"})")}};
  const auto found = review_duplicates(change(document, ""), twins, with("store"));
  REQUIRE(found.size() == 1);
  CHECK(found[0].subject == "C2");
  CHECK(found[0].is_open());
  CHECK(found[0].steps.empty());  // it holds nothing up
}

namespace {

json::Value random_word() {
  const auto pick = *rc::gen::inRange(0, 4);
  return pick == 0 ? json::Value() : json::Value("w" + std::to_string(pick));
}

/// What a field ends as at central.
json::Value ends_as(const CustomerReview& review, const std::string& field, const json::Value& store,
                    const json::Value& central) {
  const bool withheld =
      std::find(review.withheld.begin(), review.withheld.end(), field) != review.withheld.end();
  return withheld ? central : store;
}

}  // namespace

TEST_CASE(
    "customers: in whatever order fields and updates meet, the result is the same, and no value vanishes") {
  CHECK(rc::check("order does not count", [] {
    const std::vector<std::string> actions{"store", "central", "newest", "ask"};
    std::map<std::string, std::string> fields;
    json::Object changes, base, central;
    for (const auto* field : {"a", "b", "c", "d", "marketing_consent"}) {
      fields[field] = *rc::gen::elementOf(actions);
      changes.emplace_back(field, random_word());
      base.emplace_back(field, random_word());
      central.emplace_back(field, random_word());
    }
    const auto policies = with("store", fields);
    const bool changed = *rc::gen::arbitrary<bool>();
    const auto at_central = json::dump(central);
    const auto whole = update(json::dump(changes), json::dump(base));
    const auto review = review_customer(change(whole, at_central, changed), policies, {});

    std::vector<int> order{0, 1, 2, 3, 4};
    std::rotate(order.begin(), order.begin() + *rc::gen::inRange(0, 5), order.end());
    if (*rc::gen::arbitrary<bool>()) std::reverse(order.begin(), order.end());
    json::Object shuffled;
    for (const int i : order) shuffled.push_back(changes[static_cast<std::size_t>(i)]);
    const auto again = review_customer(
        change(update(json::dump(shuffled), json::dump(base)), at_central, changed), policies, {});
    RC_ASSERT(again.waits == review.waits);

    for (std::size_t i = 0; i < changes.size(); ++i) {
      const auto& [field, store] = changes[i];
      const auto& seen = base[i].second;
      const auto& theirs = central[i].second;
      RC_ASSERT(ends_as(review, field, store, theirs) == ends_as(again, field, store, theirs));
      // A field alone ends as it does among others.
      const auto alone = review_customer(
          change(update(json::dump(json::Object{changes[i]}), json::dump(json::Object{base[i]})), at_central,
                 changed),
          policies, {});
      RC_ASSERT(ends_as(alone, field, store, theirs) == ends_as(review, field, store, theirs));
      // Both changed it, to different words: both words are on record. Else nothing is.
      const auto record =
          std::find_if(review.found.begin(), review.found.end(),
                       [&name = field](const ConflictFact& fact) { return fact.subject == name; });
      const bool clash = store != theirs && seen != theirs;
      RC_ASSERT((record != review.found.end()) == clash);
      if (!clash) continue;
      RC_ASSERT(*record->store.find("value") == store);
      RC_ASSERT(*record->central.find("value") == theirs);
    }
    // Decided once, it stays so whatever central says by then.
    const auto later = review_customer(change(whole, "{}", !changed), policies, recorded(review, "store"));
    for (const auto& field : review.withheld)
      RC_ASSERT(std::find(later.withheld.begin(), later.withheld.end(), field) != later.withheld.end());
  }));
}
