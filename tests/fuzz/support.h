// What every fuzz target holds its parser to. A rule that does not hold ends the program, which libFuzzer
// reports with the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "outbox/document/validation.h"

/// Ends the program where `condition` does not hold; `what` is the rule.
#define FUZZ_CHECK(condition, what) \
  ((condition) ? void(0) : ::tillsync::fuzz::broken(#condition, (what), __FILE__, __LINE__))

namespace tillsync::fuzz {

/// Longest detail that any parser gives: an error tells what and where, it never carries the input on.
inline constexpr std::size_t kDetailBytesMax = 2048;

[[noreturn]] void broken(const char* condition, std::string_view what, const char* file, int line);

bool is_utf8(std::string_view text);

/// UTF-8, one line, not empty, at most kDetailBytesMax.
void check_detail(std::string_view detail);
/// A code in kebab-case and a detail as above.
void check_error(const Error& error);
/// The same, and what it says is at fault.
void check_error(const Error& error, ErrorKind kind);
/// A refusal as a till gets it: whole, bounded, and free of card numbers (I9).
void check_refusal(const Refusal& refusal);

/// The store of every target: Europe/London, GBP, day from 04:00.
const StoreDefaults& store();

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Takes choices from the front of an input: what is left is the text under trial.
class Choices {
 public:
  explicit Choices(std::string_view input) : rest_(input) {}
  /// 0 to `below` - 1; 0 where the input is at its end.
  std::size_t below(std::size_t below);
  /// Up to the next '\n' or the end.
  std::string_view line();
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace tillsync::fuzz
