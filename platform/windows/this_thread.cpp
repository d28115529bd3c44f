#include "platform/service/this_thread.h"

#include "platform/windows/handle.h"

namespace tillsync {

void name_this_thread(const char* name) {
  // Of Windows 10 1607 and later; no header of mingw has it.
  using Describe = HRESULT(WINAPI*)(HANDLE, PCWSTR);
  static const auto describe = reinterpret_cast<Describe>(reinterpret_cast<void*>(
      ::GetProcAddress(::GetModuleHandleW(L"kernelbase.dll"), "SetThreadDescription")));
  if (describe != nullptr) static_cast<void>(describe(::GetCurrentThread(), wide(name).c_str()));
}

// Two steps down: the system's balance manager lets even such a thread run now and then where others leave
// nothing. Not the background mode, which starves a thread's disk and memory as well.
void give_way_to_other_threads() {
  static_cast<void>(::SetThreadPriority(::GetCurrentThread(), THREAD_PRIORITY_LOWEST));
}

}  // namespace tillsync
