// The small texts in every document: amounts, times, days, article numbers, trace contexts, card numbers.
#include <algorithm>

#include "agent/till_api/request_headers.h"
#include "outbox/document/card_number.h"
#include "outbox/document/gtin.h"
#include "tests/fuzz/support.h"

namespace tillsync::fuzz {
namespace {

/// `-?digits(.digits)?` by another way than the parser's: true where `text` has that form at all.
bool has_decimal_form(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto digits = [](std::string_view part) {
    return !part.empty() &&
           std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  const auto point = text.find('.');
  if (!digits(text.substr(0, point))) return false;
  return point == std::string_view::npos || digits(text.substr(point + 1));
}

void try_decimal(std::string_view text, int decimals_max) {
  const auto value = Decimal::parse(text, decimals_max);
  if (!value) return check_error(value.error());
  FUZZ_CHECK(has_decimal_form(text), "only a decimal is taken");
  const std::string shown = value->text();
  FUZZ_CHECK(Decimal::parse(shown, Decimal::kDecimals).value() == *value, shown);
  FUZZ_CHECK(Decimal::parse(value->text(4), Decimal::kDecimals).value() == *value, "zeros change nothing");
  FUZZ_CHECK(shown.find('.') == std::string::npos || shown.back() != '0', "the shortest text");
  FUZZ_CHECK(shown != "-0" && (shown.front() == '-') == value->is_negative(), "no minus before zero");
  FUZZ_CHECK(*value + -*value == Decimal() && value->abs() >= Decimal(), "a value and its opposite are zero");
  const Decimal pence = value->rounded(2);
  const Decimal off = (pence - *value).abs();
  FUZZ_CHECK(off + off <= Decimal::minor_unit(2) && pence.rounded(2) == pence, "rounding is to the nearest");
}

void try_time(std::string_view text) {
  const auto time = OffsetTime::parse(text);
  if (!time) return check_error(time.error());
  const std::string shown = time->text();
  const auto again = OffsetTime::parse(shown);
  FUZZ_CHECK(again.has_value() && *again == *time, shown);
  FUZZ_CHECK(again->text() == shown, "a time's text is fixed");
  const auto day = store().calendar.day_of(std::chrono::floor<std::chrono::seconds>(time->utc));
  const auto off = std::chrono::floor<std::chrono::days>(time->utc) - day.day;
  FUZZ_CHECK(off >= std::chrono::days(-1) && off <= std::chrono::days(1), "a business day is near its time");
}

void try_day(std::string_view text) {
  const auto day = BusinessDay::parse(text);
  if (!day) return check_error(day.error());
  FUZZ_CHECK(day->text() == text, "a day has one text");
}

void try_gtin(std::string_view text) {
  if (!is_valid_gtin(text)) return;
  // A wrong digit anywhere is found: GS1's weights are made for it.
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string wrong(text);
    wrong[i] = static_cast<char>(wrong[i] == '9' ? '0' : wrong[i] + 1);
    FUZZ_CHECK(!is_valid_gtin(wrong), wrong);
  }
}

void try_card_number(std::string_view text) {
  if (!holds_card_number(text)) return;
  const auto digits = std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  FUZZ_CHECK(digits >= 13, "a card number has 13 digits at least");
  FUZZ_CHECK(holds_card_number("card: " + std::string(text) + "."), "words around it hide nothing");
}

void try_headers(std::string_view text) {
  ServerRequest request;
  for (const auto* name : {"traceparent", "x-correlation-id", "idempotency-key", "prefer", "content-type"}) {
    request.headers.emplace_back(name, text);
  }
  FUZZ_CHECK(prefer_wait(request).count() >= 0, "a wait is no time ago");
  post_media(request);
  const auto meta = document_meta(request);
  if (!meta) return check_error(meta.error());
  FUZZ_CHECK(meta->traceparent.empty() || (is_traceparent(text) && meta->traceparent == text), "as it came");
  FUZZ_CHECK(meta->correlation_id.size() <= 128 && meta->idempotency_key.size() <= 255, "both are bounded");
  check_detail("x" + meta->correlation_id + meta->idempotency_key + meta->traceparent);
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tillsync::fuzz;
  const auto text = text_of(data, size);
  for (const int decimals_max : {0, 3, 4, 7}) try_decimal(text, decimals_max);
  try_time(text);
  try_day(text);
  try_gtin(text);
  try_card_number(text);
  try_headers(text);
  return 0;
}
