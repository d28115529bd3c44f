// What an intake has done. Plain values.
#pragma once

#include <cstdint>

namespace tillsync {

/// Since the start.
struct IntakeCounts {
  std::int64_t files_taken = 0;
  std::int64_t files_rejected = 0;
  std::int64_t documents_journaled = 0;
  std::int64_t documents_had_already = 0;
  std::int64_t documents_refused = 0;
  std::int64_t files_waiting = 0;  ///< now
};

}  // namespace tillsync
