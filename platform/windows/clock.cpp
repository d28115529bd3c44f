#include <windows.h>

#include "platform/base/time.h"

namespace tillsync {

UtcTime SystemClock::utc_now() const {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

// The interrupt time goes on while the machine sleeps; what std::chrono::steady_clock shows need not.
SteadyTime SystemClock::steady_now() const {
  using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>;
  using Query = void(WINAPI*)(PULONGLONG);
  // Of Windows 10 and later; no import library of mingw has it.
  static const auto query = reinterpret_cast<Query>(reinterpret_cast<void*>(
      ::GetProcAddress(::GetModuleHandleW(L"kernelbase.dll"), "QueryInterruptTimePrecise")));
  if (query == nullptr) return SteadyTime(std::chrono::milliseconds(::GetTickCount64()));
  ULONGLONG now = 0;
  query(&now);
  return SteadyTime(Ticks(static_cast<std::int64_t>(now)));
}

}  // namespace tillsync
