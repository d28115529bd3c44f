// Addresses that have shown too many wrong credentials are left outside for a while. A plain object.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "platform/base/time.h"

namespace tillsync {

struct LockoutLimits {
  int failures_max = 10;  ///< within `window`; with this one the address is locked out
  std::chrono::seconds window{60};
  std::chrono::seconds duration{60};
  std::size_t addresses_max = 4'096;  ///< remembered; beyond it the one that matters least makes place
};

class Lockouts {
 public:
  explicit Lockouts(LockoutLimits limits = {}) : limits_(limits) {}

  /// How long that address stays outside, rounded up; nothing where it is not locked out.
  std::optional<std::chrono::seconds> left(std::string_view address, SteadyTime now) const;
  /// Counts a failure; true where it is the one that locks the address out.
  bool failed(std::string_view address, SteadyTime now);
  std::size_t size() const { return addresses_.size(); }

  /// What is counted as one: an IPv4 address, or an IPv6 network of 64 bits, of which one machine may have
  /// every address.
  static std::string key(std::string_view address);

 private:
  struct Record {
    int failures = 0;
    SteadyTime since{};
    SteadyTime locked_until{};
  };
  bool is_stale(const Record& record, SteadyTime now) const {
    return now >= record.locked_until && now - record.since >= limits_.window;
  }
  void make_place(SteadyTime now);

  const LockoutLimits limits_;
  std::unordered_map<std::string, Record> addresses_;
};

}  // namespace tillsync
