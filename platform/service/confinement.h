// For a process that runs what others wrote. No operating-system header comes with it; one .cpp per system
// implements it.
#pragma once

#include <cstddef>

#include "platform/base/result.h"

namespace tillsync {

/// From now on, for ever, this process
/// - gets at most `memory_bytes` of address space more than it has: allocations beyond fail (not in builds
/// with a
///   sanitizer);
/// - opens nothing: no file, no socket, no pipe. What is open stays so;
/// - leaves no core file;
/// - is what the system ends first where the whole machine runs out of memory, if it lets itself be told so;
/// - is killed when the thread that started it ends, however that ends.
/// kUnavailable `confinement`: then it must not run what it was started for.
Result<void> confine_this_process(std::size_t memory_bytes);

}  // namespace tillsync
