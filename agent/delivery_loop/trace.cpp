#include "agent/delivery_loop/trace.h"

#include "platform/crypto/sha256.h"

namespace tillsync {

std::string child_traceparent(const std::string& tills, const std::string& reference, Random& random) {
  const std::string trace_id =
      tills.size() == 55 ? tills.substr(3, 32) : to_hex(sha256(reference)).substr(0, 32);
  const std::string flags = tills.size() == 55 ? tills.substr(53, 2) : "01";
  std::string span;
  for (auto bits = random.next() | 1; span.size() < 16; bits >>= 4) span += "0123456789abcdef"[bits & 15];
  return "00-" + trace_id + "-" + span + "-" + flags;
}

}  // namespace tillsync
