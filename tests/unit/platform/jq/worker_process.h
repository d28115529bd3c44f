// The child of jq::Mapper in these tests: the program itself.
#pragma once

#include <string>
#include <vector>

namespace tillsync::testing {

inline std::vector<std::string> jq_worker() {
  return {TILLSYNC_PROGRAM, "jq-worker"};
}

}  // namespace tillsync::testing
