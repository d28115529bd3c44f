// A page of central's change feed: what is taken can be followed, and a value that may be kept says the same
// when it is read again.
#include "agent/connectors/rest_fetch.h"
#include "reconcile/central_facts/contact.h"
#include "reconcile/central_facts/fact_value.h"
#include "tests/fuzz/support.h"

namespace tillsync::fuzz {
namespace {

void check_change(const FactChange& change) {
  if (change.how != FactChange::How::kValue) return FUZZ_CHECK(change.value.empty(), "only values have one");
  const auto value = checked_value(change.kind, change.key, "0417", change.value);
  if (!value) return check_error(value.error());
  FUZZ_CHECK(value->size() >= 2 && value->front() == '{', "what is kept is an object");
  const auto again = checked_value(change.kind, change.key, "0417", *value);
  FUZZ_CHECK(again.has_value() && *again == *value, *value);
  const auto customer = json::parse(*value);
  FUZZ_CHECK(customer.has_value(), *value);
  for (const std::string& contact : contacts_of(*customer))
    FUZZ_CHECK(contact.size() > 2 && contact.size() < 400, "a contact is bounded");
}

void check(std::string_view text) {
  const auto page = parse_changes(text, "0417");
  if (!page) return check_error(page.error());
  FUZZ_CHECK(!page->cursor.empty(), "a page can be gone on from");
  FUZZ_CHECK(page->changes.size() <= page->rows && page->rows <= kChangesRowsMax, "rows are bounded");
  for (const FactChange& change : page->changes) check_change(change);
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillsync::fuzz::check(tillsync::fuzz::text_of(data, size));
  return 0;
}
