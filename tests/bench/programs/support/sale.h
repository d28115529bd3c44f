// The document that every program of the suite posts: load/sale.json, about 1 KiB, each copy with an id of
// its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace tillsync::bench {

class Sale {
 public:
  /// Reads the template. kInvalid where it cannot be read or holds no id `BENCH-0000000000`.
  static Result<Sale> load(const std::string& path);

  std::string_view text() const { return text_; }
  std::size_t id_at() const { return id_at_; }

  /// Writes the id of copy `number` of run `run` over the 16 bytes at `at`: "B0001-0000000042". Runs count to
  /// 9999; what one journal gets needs a run of its own each time.
  static void write_id(char* at, unsigned run, std::uint64_t number);

  static constexpr std::size_t kIdBytes = 16;

 private:
  std::string text_;
  std::size_t id_at_ = 0;
};

/// Where all connections of a run take their numbers from.
struct Numbers {
  unsigned run = 0;
  std::uint64_t next = 0;
};

}  // namespace tillsync::bench
