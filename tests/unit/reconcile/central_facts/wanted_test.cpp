#include "reconcile/central_facts/wanted.h"

#include "outbox/journal/journal.h"
#include "tests/unit/reconcile/central_facts/facts_world.h"

namespace tillsync {
namespace {

using namespace testing;

struct Trading : FactsWorld {
  std::unique_ptr<Journal> journal = *Journal::open(JournalOptions{dir.path().string(), ""}, clock);
  std::unique_ptr<JournalReader> reader;

  Trading() {
    Routes routes;
    for (const DocumentType type : kDocumentTypes) routes.steps[type] = {RouteStep{"erp", "erp", {}}};
    transact([&] { REQUIRE(journal->set_routes(routes)); });
    reader = *JournalReader::open(dir.path().string());
  }
  template <class Work>
  void transact(Work work) {
    REQUIRE(journal->begin());
    work();
    REQUIRE(journal->commit());
  }
  Sequence post(const Document& document) {
    Sequence sequence;
    transact([&] {
      auto answer = journal->append(make_post(document, {}));
      REQUIRE(answer);
      sequence = answer->sequence;
    });
    return sequence;
  }
  WantedFound collect(const WantedLimits& limits_of_call = {}) {
    auto found = collect_wanted(*reader, *facts, clock, {stop, clock.steady + std::chrono::seconds(60)}, room,
                                limits_of_call);
    REQUIRE(found);
    return *found;
  }
  std::string all(WantedKind what) {
    std::string out;
    for (const WantedKey& key : *wanted_keys(*facts, what, 0, 1000))
      out += (out.empty() ? "" : " ") + key.key;
    return out;
  }
};

TEST_CASE_FIXTURE(Trading, "wanted: what documents name, of every type, each once and found incrementally") {
  post(document("s", R"("type":"sale","customer":"C1","lines":[{"sku":"A","quantity":"1","unit_price":"1"},
      {"sku":"B","quantity":"1","unit_price":"1"}])"));
  post(document("r", R"("type":"return","lines":[{"sku":"A","quantity":"1","unit_price":"1"}])"));
  const WantedFound first = collect();
  CHECK(first.added == 3);
  CHECK(first.at_head);
  CHECK(collect().records == 0);
  post(document("a", R"("type":"stock_adjustment","lines":[{"sku":"D","quantity_delta":"1"}])"));
  post(document("c", R"("type":"stock_count","lines":[{"sku":"E","counted":"1"}])"));
  post(document("t", R"("type":"stock_transfer","direction":"in","other_store":"9",
      "lines":[{"sku":"F","quantity":"1"}])"));
  post(document("u", R"("type":"customer_update","customer":"C2","changes":{"email":"a@b.example"})"));
  post(document("z", R"("type":"till_close","tenders":[])"));
  CHECK(collect().added == 4);
  CHECK(all(WantedKind::kSku) == "A B D E F");
  CHECK(all(WantedKind::kCustomer) == "C1 C2");
}

TEST_CASE_FIXTURE(Trading, "wanted: an amendment's SKU too") {
  const Document wrong =
      document("s", R"("type":"sale","lines":[{"sku":"A","quantity":"1","unit_price":"1"}])");
  const Sequence sequence = post(wrong);
  transact([&] {
    OutcomeFact fact;
    fact.delivery = DeliveryKey{sequence, "erp"};
    fact.target = "erp";
    fact.outcome.kind = OutcomeKind::kRejected;
    fact.outcome.reason = "unknown SKU";
    REQUIRE(journal->record(fact));
  });
  transact([&] {
    DecisionFact decision;
    decision.kind = DecisionFact::Kind::kAmend;
    decision.delivery = DeliveryKey{sequence, "erp"};
    decision.reason = decision.by = "x";
    decision.amended =
        document("s", R"("type":"sale","lines":[{"sku":"B","quantity":"1","unit_price":"1"}])");
    REQUIRE(journal->decide(decision));
  });
  collect();
  CHECK(all(WantedKind::kSku) == "A B");
}

TEST_CASE_FIXTURE(Trading, "wanted: a call that ends early is gone on with, in another process too") {
  for (int i = 0; i < 30; ++i) post(sale("s" + std::to_string(i)));
  post(document("last", R"("type":"sale","lines":[{"sku":"Z","quantity":"1","unit_price":"1"}])"));
  std::size_t calls = 0;
  while (!collect({4, 8}).at_head) {
    ++calls;
    restart();
  }
  CHECK(calls >= 4);
  CHECK(all(WantedKind::kSku) == "S1 Z");
}

}  // namespace
}  // namespace tillsync
