// A page of central's own list: what is taken has the shape that reconcile counts on, and says the same when
// it is written again.
#include "agent/connectors/rest_read_back.h"
#include "tests/fuzz/support.h"

namespace tillsync::fuzz {
namespace {

constexpr std::size_t kCursorBytesMax = 4096;

json::Value optional_text(const std::optional<std::string>& text) {
  return text ? json::Value(*text) : json::Value();
}

/// Documents are read by who compares them; what is no JSON is left out here.
json::Value document_of(const CentralRow& row) {
  auto value = json::parse(row.document, json::ParseLimits{.depth_max = 45});
  return value ? *std::move(value) : json::Value();
}

std::string written(const CentralPage& page) {
  json::Array rows;
  for (const auto& row : page.rows) {
    rows.emplace_back(json::Object{{"reference", row.reference},
                                   {"step", row.step},
                                   {"central_reference", row.central_reference},
                                   {"total", optional_text(row.total)},
                                   {"currency", optional_text(row.currency)},
                                   {"recorded_at", row.recorded_at},
                                   {"document", document_of(row)}});
  }
  return json::dump(json::Object{{"documents", std::move(rows)}, {"next", optional_text(page.next)}});
}

void check_row(const CentralRow& row) {
  FUZZ_CHECK(!row.reference.empty() && !row.step.empty() && !row.central_reference.empty(),
             "a row names itself");
  FUZZ_CHECK(!row.total || Decimal::parse(*row.total, Decimal::kDecimals).has_value(),
             "a total is a decimal");
  FUZZ_CHECK(!row.total || row.currency, "a total has a currency");
  FUZZ_CHECK(!row.currency || row.currency->size() == 3, "a currency is a code");
  FUZZ_CHECK(row.document.empty() || row.document.front() == '{', "a document is an object");
}

void check(std::string_view text) {
  const auto page = parse_central_page(text);
  if (!page) return check_error(page.error());
  FUZZ_CHECK(!page->next || (!page->next->empty() && page->next->size() <= kCursorBytesMax),
             "a cursor is bounded");
  for (const auto& row : page->rows) check_row(row);
  const std::string same = written(*page);
  const auto again = parse_central_page(same);
  FUZZ_CHECK(again.has_value() && written(*again) == same, same);
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillsync::fuzz::check(tillsync::fuzz::text_of(data, size));
  return 0;
}
