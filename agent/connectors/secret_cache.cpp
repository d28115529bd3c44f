#include "agent/connectors/secret_cache.h"

#include <algorithm>

#include "agent/connectors/classify.h"
#include "agent/connectors/plain_text.h"

namespace tillsync {

Result<std::string> SecretCache::get() {
  if (secret_) return *secret_;
  if (reference_.empty()) return std::string();
  auto secret = read_(reference_);
  if (!secret) return secret;
  const bool fit = reference_.several_lines || std::none_of(secret->begin(), secret->end(), [](char c) {
                     const auto byte = static_cast<unsigned char>(c);
                     return byte < 0x20 || byte == 0x7f;
                   });
  if (!fit)
    return Error{ErrorKind::kUnavailable, "secret", "it holds a line end or another control character"};
  if (secret->empty()) return Error{ErrorKind::kUnavailable, "secret", "it is empty"};
  ++generation_;
  secret_ = *secret;
  return secret;
}

Outcome SecretCache::outcome_of(const Error& error) const {
  Outcome outcome;
  outcome.kind = OutcomeKind::kRetryable;
  outcome.signal = TargetSignal::kUnauthorized;
  outcome.reason = one_line(
      "nothing sent: the secret " + reference_.text + " cannot be used: " + error.detail, kReasonBytesMax);
  return outcome;
}

}  // namespace tillsync
