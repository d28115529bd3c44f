#include "platform/service/memory.h"

#include <malloc.h>
#include <windows.h>
// After windows.h, whose types it uses.
#include <psapi.h>

namespace tillsync {

std::optional<std::int64_t> resident_bytes() {
  PROCESS_MEMORY_COUNTERS counters{};
  if (::K32GetProcessMemoryInfo(::GetCurrentProcess(), &counters, sizeof counters) == 0) return std::nullopt;
  return static_cast<std::int64_t>(counters.WorkingSetSize);
}

// The system's heap maps large blocks for themselves (from 512 KiB) and does not move that limit.
void keep_heap_small() {}

// Without the error reporting there is no dump of a crash. An administrator's debugger takes one
// nevertheless, as is wanted.
void keep_memory_out_of_core_files() {
  ::SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
}

void give_back_heap() {
  // HeapOptimizeResources and what it takes (Windows 8.1), of newer headers.
  constexpr auto kOptimizeResources = static_cast<HEAP_INFORMATION_CLASS>(3);
  struct {
    DWORD version = 1;
    DWORD flags = 0;
  } wanted;
  ::HeapSetInformation(nullptr, kOptimizeResources, &wanted, sizeof wanted);
  static_cast<void>(::_heapmin());
}

// Code and data alike leave the working set; what is needed comes back from the standby list as it is
// touched.
void give_back_code() {
  static_cast<void>(
      ::SetProcessWorkingSetSize(::GetCurrentProcess(), static_cast<SIZE_T>(-1), static_cast<SIZE_T>(-1)));
}

}  // namespace tillsync
