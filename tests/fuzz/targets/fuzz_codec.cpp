// What the journal reads back: whatever bytes a disk gives, a decoder gives an error or a value that encodes
// and decodes to itself.
#include "agent/views/document_view.h"
#include "outbox/document/canonical.h"
#include "outbox/document/codec.h"
#include "outbox/journal/facts.h"
#include "platform/crypto/base64.h"
#include "tests/fuzz/support.h"

namespace tillsync::fuzz {
namespace {

constexpr Sequence kDocument{7};

void check_corrupt(const Error& error) {
  check_error(error, ErrorKind::kCorrupt);
}

void try_document(std::string_view bytes) {
  const auto document = decode_document(bytes);
  if (!document) return check_corrupt(document.error());
  const std::string encoded = encode_document(*document);
  const auto again = decode_document(encoded);
  FUZZ_CHECK(again.has_value() && *again == *document, "a document decodes to what was encoded");
  FUZZ_CHECK(encoded.size() <= bytes.size(), "the encoding is the shortest");
  // explain and report show what is stored, whatever it is
  canonical_json(*document);
  content_digest(*document);
}

void try_document_record(std::string_view bytes) {
  const auto record = decode_document_record(bytes);
  if (!record) return check_corrupt(record.error());
  const std::string encoded = encode_document_record(record->meta, record->document);
  const auto again = decode_document_record(encoded);
  FUZZ_CHECK(again.has_value() && again->meta == record->meta && again->document == record->document,
             "a document's record decodes to what was encoded");
  try_document(record->document);
}

/// The facts that are JSON: the second encoding is the first.
template <class Decode, class Encode>
void try_fact(std::string_view bytes, Decode decode, Encode encode) {
  const auto fact = decode(bytes);
  if (!fact) return check_corrupt(fact.error());
  const std::string encoded = encode(*fact);
  const auto again = decode(std::string_view(encoded));
  FUZZ_CHECK(again.has_value(), encoded);
  FUZZ_CHECK(encode(*again) == encoded, encoded);
}

/// What an import noted has no decoder, since nothing follows from it: it is only shown and exported.
void try_shown(std::string_view bytes) {
  const RawRecord record{Sequence{7}, RecordKind::kImported, UtcTime{}, std::nullopt, std::string(bytes), {}};
  const auto view = record_view(record);
  FUZZ_CHECK(view.has_value(), "a record that is only shown is shown whatever it holds");
  const auto text = json::dump(*view);
  FUZZ_CHECK(is_utf8(text), "what is shown is UTF-8");
  const auto shown = json::parse(text, {.depth_max = 64});  // as whoever reads an export
  FUZZ_CHECK(shown.has_value(), shown ? "" : shown.error().detail);
  FUZZ_CHECK(from_base64(shown->text_of("body")) == bytes, "and with its very bytes");
}

void check(std::size_t which, std::string_view bytes) {
  switch (which) {
    case 0:
      return try_document(bytes);
    case 1:
      return try_document_record(bytes);
    case 2:
      return try_fact(
          bytes, [](std::string_view body) { return decode_outcome(kDocument, body); }, encode_outcome);
    case 3:
      return try_fact(
          bytes, [](std::string_view body) { return decode_decision(kDocument, body); }, encode_decision);
    case 4:
      return try_fact(bytes, decode_routes, encode_routes);
    case 5:
      return try_fact(bytes, decode_pruned, encode_pruned);
    case 6:
      return try_fact(
          bytes, [](std::string_view body) { return decode_look_up(kDocument, body); }, encode_look_up);
    case 7:
      return try_fact(bytes, decode_recovered, encode_recovered);
    default:
      return try_shown(bytes);
  }
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillsync::fuzz::Choices choices(tillsync::fuzz::text_of(data, size));
  const std::size_t which = choices.below(9);
  tillsync::fuzz::check(which, choices.rest());
  return 0;
}
