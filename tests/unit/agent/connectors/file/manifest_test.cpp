#include "tests/unit/agent/connectors/file/support.h"

using namespace tillsync;
using namespace tillsync::test;

TEST_CASE("file manifest: a batch of a sale and a return, member for member") {
  auto refund = delivery_of(accepted(kReturnBody), 9);
  const file::Batch batch =
      file::make_batch("0417", "legacy", 12, file::Format::kCsv, documents_of({sale(3), refund}));
  const std::string hash = to_hex(sha256(batch.data));
  CHECK(batch.name == "0417-legacy-0000000012-" + hash.substr(0, 16));
  CHECK(batch.data_file == batch.name + ".csv");
  CHECK(batch.manifest_file() == batch.name + ".manifest.json");
  CHECK(batch.manifest ==
        R"({"version":1,"batch":")" + batch.name +
            R"(","number":12,"store":"0417","target":"legacy","format":"csv","file":")" + batch.data_file +
            R"(","bytes":)" + std::to_string(batch.data.size()) + R"(,"sha256":")" + hash +
            R"(","count":2,"totals":{"GBP":{"sales":"2.50","returns":"3.06","net":"-0.56"}},"documents":[)"
            R"({"reference":"0417/S3","idempotency_key":"0417/S3:legacy","step":"legacy","sequence":3,)"
            R"("type":"sale","business_day":"2026-11-23","total":"2.50","currency":"GBP"},)"
            R"({"reference":"0417/R1","idempotency_key":"0417/R1:legacy","step":"legacy","sequence":9,)"
            R"("type":"return","business_day":"2026-06-30","total":"3.06","currency":"GBP"}]})"
            "\n");
}

TEST_CASE("I6: file manifest: totals are the documents' own, exact, whatever they are") {
  CHECK(rc::check([] {
    std::vector<OutgoingDelivery> deliveries;
    std::map<std::string, Decimal> net;
    for (int i = *rc::gen::inRange(1, 6); i > 0; --i) {
      const Document document = accepted(json::dump(random::body()));
      if (const auto total = document_total(document)) {
        net[document.currency] += document.type == DocumentType::kReturn ? -*total : *total;
      }
      deliveries.push_back(delivery_of(document, i));
    }
    const auto batch = file::make_batch("0417", "x", 1, file::Format::kCsv, documents_of(deliveries));
    const json::Value manifest = json::parse(batch.manifest).value();
    const json::Object& totals = *manifest.find("totals")->as_object();
    RC_ASSERT(totals.size() == net.size());
    std::map<std::string, Decimal> of_entries;
    for (const json::Value& each : *manifest.find("documents")->as_array()) {
      if (each.find("total")->is_null()) continue;
      const Decimal total = Decimal::parse(each.text_of("total"), 7).value();
      of_entries[std::string(each.text_of("currency"))] += each.text_of("type") == "return" ? -total : total;
    }
    for (const auto& [currency, total] : totals) {
      RC_ASSERT(Decimal::parse(total.text_of("net"), 7).value() == net.at(currency));
      RC_ASSERT(of_entries.at(currency) == net.at(currency));
      RC_ASSERT(Decimal::parse(total.text_of("sales"), 7).value() -
                    Decimal::parse(total.text_of("returns"), 7).value() ==
                net.at(currency));
    }
    RC_ASSERT(manifest.integer_of("count") == static_cast<std::int64_t>(deliveries.size()));
    // The same once more is the same, to the byte.
    const auto again = file::make_batch("0417", "x", 1, file::Format::kCsv, documents_of(deliveries));
    RC_ASSERT(again.name == batch.name);
    RC_ASSERT(again.data == batch.data);
    RC_ASSERT(again.manifest == batch.manifest);
  }));
}
