// A till's body: parse_document. What is taken comes back the same from its canonical form and from the
// codec.
#include "outbox/document/canonical.h"
#include "outbox/document/card_scan.h"
#include "outbox/document/codec.h"
#include "tests/fuzz/support.h"

namespace tillsync::fuzz {
namespace {

/// What is fixed for every document that was taken (CONTRACT section 1).
void check_document(const Document& document) {
  FUZZ_CHECK(is_document_id(document.id), "an id is 1 to 64 of its letters");
  FUZZ_CHECK(!document.terminal.empty() && document.terminal.size() <= 32, "a terminal has 1 to 32 letters");
  FUZZ_CHECK(document.currency.size() == 3, "a document has a currency");
  FUZZ_CHECK(!document.terminal_sequence || *document.terminal_sequence > 0, "a terminal counts from 1");
  if (const auto* trade = std::get_if<Trade>(&document.content)) {
    for (const auto& line : trade->lines) {
      FUZZ_CHECK(line.quantity > Decimal() && !line.unit_price.is_negative(), "a line sells something");
    }
    if (trade->total) exact_sum(*trade);  // within range for every trade that was taken
  }
  if (const auto total = document_total(document)) {
    FUZZ_CHECK(Decimal::parse(total->text(), Decimal::kDecimals).value() == *total, "a total is exact");
  }
}

void check_taken(const Document& document) {
  check_document(document);
  const std::string canonical = canonical_json(document);
  const auto value = json::parse(canonical);
  FUZZ_CHECK(value.has_value(), "a canonical form is JSON");
  Faults cards;
  find_card_numbers(*value, cards);
  FUZZ_CHECK(cards.count() == 0, "no card number gets to central");
  if (canonical.size() <= kDocumentBytesMax) {  // it may be a little longer than what the till wrote
    const auto again = parse_document(canonical, store());
    const auto* same = std::get_if<Document>(&again);
    FUZZ_CHECK(same != nullptr, canonical);
    FUZZ_CHECK(*same == document, "a canonical form says the same as the body");
    FUZZ_CHECK(canonical_json(*same) == canonical, "the canonical form is fixed");
    FUZZ_CHECK(content_digest(*same) == content_digest(document), "so is the digest");
  }
  const auto decoded = decode_document(encode_document(document));
  FUZZ_CHECK(decoded.has_value() && *decoded == document, "the codec gives back what it took");
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tillsync;
  const auto checked = parse_document(fuzz::text_of(data, size), fuzz::store());
  if (const auto* refusal = std::get_if<Refusal>(&checked)) {
    fuzz::check_refusal(*refusal);
  } else {
    fuzz::check_taken(std::get<Document>(checked));
  }
  return 0;
}
