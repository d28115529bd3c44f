// Times taken and how they are told: percentiles, in the one line of JSON that a program prints for the
// suite.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tillsync::bench {

using Instant = std::chrono::steady_clock::time_point;

inline Instant now() {
  return std::chrono::steady_clock::now();
}
double seconds_between(Instant from, Instant to);

class Latencies {
 public:
  void reserve(std::size_t count) { nanoseconds_.reserve(count); }
  void add(Instant from, Instant to) {
    nanoseconds_.push_back(
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(to - from).count()));
  }
  std::size_t count() const { return nanoseconds_.size(); }
  /// `"p50_us":..,"p90_us":..,"p99_us":..,"p999_us":..,"max_us":..`, the members of an object; nearest rank.
  /// Zeros where nothing was added. Sorts.
  std::string members();

 private:
  std::vector<std::uint64_t> nanoseconds_;
};

}  // namespace tillsync::bench
