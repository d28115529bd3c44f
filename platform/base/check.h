// Invariants that stay on in production. A failed one is a defect: the process stops, and recovers from the
// journal.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace tillsync::detail {
[[noreturn]] inline void check_failed(const char* condition, const char* meaning, const char* file,
                                      int line) {
  std::fprintf(stderr, "tillsync: invariant broken: %s (%s) at %s:%d\n", meaning, condition, file, line);
  std::abort();
}
}  // namespace tillsync::detail

#define TILLSYNC_CHECK(condition, meaning) \
  ((condition) ? void(0) : ::tillsync::detail::check_failed(#condition, meaning, __FILE__, __LINE__))
