// What this process holds of the machine's memory, and giving back what it does not need now. From any
// thread.
#pragma once

#include <cstdint>
#include <optional>

namespace tillsync {

/// Bytes in memory now (VmRSS: heap, stacks, and what is mapped of program and libraries). Nothing where the
/// system does not tell.
std::optional<std::int64_t> resident_bytes();

/// Large blocks (from 256 KiB) are mapped for themselves and go back to the system when they are freed,
/// however many there were before. Before the first thread starts.
void keep_heap_small();

/// Nothing of this process's memory (secrets, customers' data) goes into a core file from now on: none is
/// written, and where a collector takes one nevertheless it holds the registers alone. An administrator can
/// have one whole all the same, by prlimit(1) and /proc/PID/coredump_filter.
void keep_memory_out_of_core_files();

/// Gives freed heap back to the system: some milliseconds for tens of MiB, in which others who allocate wait.
void give_back_heap();

/// Lets go of the program's and its libraries' code and constants: what is needed comes back from the page
/// cache as it is touched (some hundred page faults, well below a millisecond), what only the start needed
/// stays away. Nothing happens on processors for which that is not known to be safe.
void give_back_code();

}  // namespace tillsync
