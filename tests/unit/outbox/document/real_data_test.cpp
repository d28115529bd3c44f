#include "tests/support/real_data.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <map>

#include "outbox/document/canonical.h"
#include "outbox/document/codec.h"
#include "tests/unit/outbox/document/samples.h"

using namespace tillsync;
using namespace tillsync::test;

TEST_CASE("real data: every sale, return and stock adjustment of a year's trade is taken, to the penny") {
  const auto documents = real_documents();
  if (!documents) {
    const char* const ci = std::getenv("CI");
    REQUIRE_MESSAGE((ci == nullptr || std::string_view(ci) != "true"),
                    "the real data must be there in CI: set TILLSYNC_REAL_DATA");
    MESSAGE("skipped: the real data is not on this machine");
    return;
  }
  std::map<std::string, int> counts;
  std::map<std::string, Decimal> totals;
  std::size_t canonical_bytes = 0;
  std::size_t encoded_bytes = 0;
  int refused_count = 0;
  int unfaithful = 0;
  std::string first_wrongly_refused;
  const StoreDefaults defaults = store();
  for (const RealDocument& real : *documents) {
    const auto result = parse_document(real.body, defaults);
    if (const auto* refusal = std::get_if<Refusal>(&result)) {
      ++refused_count;
      const bool as_it_should = real.type == "account_adjustment" &&
                                refusal->kind == Refusal::Kind::kInvalid &&
                                refusal->faults.front().pointer == "/type";
      if (!as_it_should && first_wrongly_refused.empty()) first_wrongly_refused = faults_text(*refusal);
      continue;
    }
    const Document& document = std::get<Document>(result);
    ++counts[real.type];
    totals[real.type] += document_total(document).value_or(Decimal());
    const std::string canonical = canonical_json(document);
    const std::string encoded = encode_document(document);
    canonical_bytes += canonical.size();
    encoded_bytes += encoded.size();
    if (accepted(canonical) != document || decode_document(encoded).value() != document) ++unfaithful;
  }
  CHECK(documents->size() == 18'130);
  CHECK(refused_count == 3);
  CHECK(first_wrongly_refused == "");
  CHECK(counts["sale"] == 13'805);
  CHECK(counts["return"] == 2'802);
  CHECK(counts["stock_adjustment"] == 1'520);
  CHECK(totals["sale"].text(2) == "7089379.962");
  CHECK(totals["return"].text(2) == "553950.73");
  CHECK(totals["stock_adjustment"].is_zero());
  CHECK(unfaithful == 0);
  MESSAGE("bytes: canonical " << canonical_bytes << ", encoded " << encoded_bytes);
}
