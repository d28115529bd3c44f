#include "agent/delivery_loop/trace.h"

#include <string_view>

#include "platform/crypto/sha256.h"

namespace tillsync {

std::string child_traceparent(const std::string& tills, const std::string& reference, Random& random) {
  constexpr std::size_t kBytes = 55, kTraceIdAt = 3, kTraceIdDigits = 32, kFlagsAt = 53;
  const bool given = tills.size() == kBytes;
  std::string out;
  out.reserve(kBytes);
  out += "00-";
  if (given) {
    out.append(tills, kTraceIdAt, kTraceIdDigits);
  } else {
    out += to_hex(as_bytes(sha256(reference)).substr(0, kTraceIdDigits / 2));
  }
  out += '-';
  auto bits = random.next() | 1;
  for (int digit = 0; digit < 16; ++digit, bits >>= 4) out += "0123456789abcdef"[bits & 15];
  out += '-';
  out += given ? std::string_view(tills).substr(kFlagsAt) : "01";
  return out;
}

}  // namespace tillsync
