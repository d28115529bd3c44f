// Another program, run to its end. For the files of this folder.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "platform/base/result.h"

namespace tillsync {

struct Ran {
  int status = -1;     ///< exit status; 128 + N for a death by signal N; -1: it took too long, and was ended
  std::string output;  ///< standard output and error, their first 64 KiB
};

/// `words[0]` is looked for in PATH. kUnavailable `no-program` where it cannot be started.
Result<Ran> run_command(std::vector<std::string> words, std::chrono::milliseconds patience);

}  // namespace tillsync
