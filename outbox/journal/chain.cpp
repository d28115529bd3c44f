#include "outbox/journal/chain.h"

namespace tillsync {
namespace {

void put_big_endian(char* out, std::uint64_t value) {
  for (int i = 7; i >= 0; --i) {
    out[i] = static_cast<char>(value & 0xff);
    value >>= 8;
  }
}

}  // namespace

Sha256Digest chain_hash(const Sha256Digest& previous, Sequence sequence, RecordKind kind, UtcTime recorded_at,
                        std::optional<Sequence> document, std::string_view body) {
  char header[32];
  put_big_endian(header, static_cast<std::uint64_t>(sequence.value));
  put_big_endian(header + 8, static_cast<std::uint64_t>(kind));
  put_big_endian(header + 16, static_cast<std::uint64_t>(recorded_at.time_since_epoch().count()));
  put_big_endian(header + 24, static_cast<std::uint64_t>(document ? document->value : 0));
  thread_local Sha256 hasher;
  hasher.update(as_bytes(previous)).update(std::string_view(header, sizeof header)).update(body);
  return hasher.finish();
}

}  // namespace tillsync
