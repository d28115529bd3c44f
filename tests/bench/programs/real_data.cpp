// The real transactions that the machine may have (tests/support/real_data.h) as NDJSON, for `tillsync post`.
// Exit status 3 where it has none.
#include "tests/support/real_data.h"

#include <cstdio>
#include <exception>

int main() {
  try {
    const auto documents = tillsync::test::real_documents();
    if (!documents) return 3;
    for (const auto& document : *documents) {
      if (document.type != "account_adjustment" && std::printf("%s\n", document.body.c_str()) < 0) return 1;
    }
    return std::fflush(stdout) == 0 ? 0 : 1;
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "bench_real_data: %s\n", fault.what());
    return 1;
  }
}
