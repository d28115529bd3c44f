#include "platform/service/memory.h"

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <vector>

using namespace tillsync;

namespace {

constexpr std::int64_t kMiB = 1024 * 1024;

/// Touched, so that it is resident.
std::vector<std::unique_ptr<char[]>> blocks(std::size_t count, std::size_t bytes) {
  std::vector<std::unique_ptr<char[]>> made;
  for (std::size_t i = 0; i < count; ++i) {
    made.push_back(std::make_unique<char[]>(bytes));
    std::memset(made.back().get(), 1, bytes);
  }
  return made;
}

}  // namespace

TEST_CASE("memory: freed heap goes back to the system when it is asked to, though blocks above it stay") {
  auto many = blocks(4'000, 16 * 1024);
  const auto pin = std::make_unique<char[]>(64);
  const auto before = resident_bytes();
  REQUIRE(before.has_value());
  many.clear();
  give_back_heap();
  const auto after = resident_bytes();
  REQUIRE(after.has_value());
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they have a heap of their own
  CHECK(*before - *after > 40 * kMiB);
#endif
}

TEST_CASE("memory: code that was let go of runs on, and constants are what they were") {
  static constexpr char kText[] = "a constant of the program";
  const auto before = resident_bytes();
  give_back_code();
  const auto after = resident_bytes();
  REQUIRE(before.has_value());
  REQUIRE(after.has_value());
  CHECK(*after < *before);
  CHECK(std::string_view(kText) == "a constant of the program");
  CHECK_THROWS(throw std::runtime_error("unwinding reads tables that were let go of"));
}
