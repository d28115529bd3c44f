// One secret, read when it is first needed and kept until it is dropped. Single-threaded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/connectors/credentials.h"

namespace tillsync {

class SecretCache {
 public:
  SecretCache(SecretReference reference, Credentials::ReadSecret read)
      : reference_(std::move(reference)), read_(std::move(read)) {}

  /// The secret, "" for an empty reference. Failures are not kept: the next call reads again. A secret of one
  /// line with a control character is a failure, since no header can carry it.
  Result<std::string> get();
  void drop() { secret_.reset(); }
  /// Counts readings.
  std::uint64_t generation() const { return generation_; }
  /// What a failed get() means for a delivery: retryable, unauthorized; the reason names the reference.
  Outcome outcome_of(const Error& error) const;

 private:
  const SecretReference reference_;
  const Credentials::ReadSecret read_;
  std::optional<std::string> secret_;
  std::uint64_t generation_ = 0;
};

}  // namespace tillsync
