#include "tests/fuzz/support.h"

#include <algorithm>

#include "outbox/document/card_number.h"
#include "platform/log/printable.h"

namespace tillsync::fuzz {

void broken(const char* condition, std::string_view what, const char* file, int line) {
  std::fprintf(stderr, "fuzz: %.*s: %s at %s:%d\n", static_cast<int>(what.size()), what.data(), condition,
               file, line);
  std::abort();
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto point = detail::decode_utf8(text, at);
    if (point.bytes == 0) return false;
    at += point.bytes;
  }
  return true;
}

void check_detail(std::string_view detail) {
  FUZZ_CHECK(!detail.empty(), "an error says what is wrong");
  FUZZ_CHECK(detail.size() <= kDetailBytesMax, detail);
  FUZZ_CHECK(is_utf8(detail), "a detail is UTF-8");
  FUZZ_CHECK(std::none_of(detail.begin(), detail.end(),
                          [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }),
             detail);
}

void check_error(const Error& error) {
  FUZZ_CHECK(!error.code.empty(), "an error has a code");
  FUZZ_CHECK(std::all_of(error.code.begin(), error.code.end(),
                         [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; }),
             error.code);
  FUZZ_CHECK(error.kind != ErrorKind::kInternal, error.detail);
  check_detail(error.detail);
}

void check_error(const Error& error, ErrorKind kind) {
  check_error(error);
  FUZZ_CHECK(error.kind == kind, error.code + ": " + error.detail);
}

void check_refusal(const Refusal& refusal) {
  check_detail(refusal.detail);
  FUZZ_CHECK(!refusal.faults.empty(), "a refusal names at least one fault");
  FUZZ_CHECK(refusal.faults.size() <= kFaultsMax, "the faults of a refusal are bounded");
  FUZZ_CHECK(!holds_card_number(refusal.detail), "no card number in a refusal");
  for (const auto& fault : refusal.faults) {
    check_detail(fault.detail);
    FUZZ_CHECK(fault.pointer.empty() || fault.pointer.front() == '/', fault.pointer);
    FUZZ_CHECK(is_utf8(fault.pointer), "a pointer is UTF-8");
    FUZZ_CHECK(!holds_card_number(fault.detail), "no card number in a fault");
    FUZZ_CHECK(!holds_card_number(fault.pointer), "no card number in a pointer");
  }
}

const StoreDefaults& store() {
  static const StoreDefaults defaults{
      "0417", "GBP", BusinessCalendar(TimeZone::find("Europe/London").value(), std::chrono::hours(4))};
  return defaults;
}

std::size_t Choices::below(std::size_t below) {
  if (rest_.empty()) return 0;
  const auto byte = static_cast<unsigned char>(rest_.front());
  rest_.remove_prefix(1);
  return byte % below;
}

std::string_view Choices::line() {
  const auto end = std::min(rest_.find('\n'), rest_.size());
  const auto line = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return line;
}

}  // namespace tillsync::fuzz
