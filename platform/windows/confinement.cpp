#include "platform/service/confinement.h"

#include <algorithm>

#include "platform/service/memory.h"
#include "platform/windows/handle.h"
// After windows.h, whose types it uses.
#include <psapi.h>

namespace tillsync {
namespace {

Error failed(const char* what) {
  return {ErrorKind::kUnavailable, "confinement",
          std::string("this process cannot be confined: ") + what + ": " + words_for(::GetLastError())};
}

/// Memory, and that it starts no other program. The job stays as long as the process does.
bool limit(std::size_t memory_bytes) {
  PROCESS_MEMORY_COUNTERS now{};
  if (::K32GetProcessMemoryInfo(::GetCurrentProcess(), &now, sizeof now) == 0) return false;
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_PROCESS_MEMORY |
                                            JOB_OBJECT_LIMIT_ACTIVE_PROCESS |
                                            JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
  limits.BasicLimitInformation.ActiveProcessLimit = 1;
  const SIZE_T most = static_cast<SIZE_T>(-1);
  limits.ProcessMemoryLimit = now.PagefileUsage + std::min<SIZE_T>(memory_bytes, most - now.PagefileUsage);
  const HANDLE job = ::CreateJobObjectW(nullptr, nullptr);
  return job != nullptr &&
         ::SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits) != 0 &&
         ::AssignProcessToJobObject(job, ::GetCurrentProcess()) != 0;
}

/// The thread goes on under a token that is restricted to nobody: no object lets it in. What is open stays
/// so.
bool open_nothing() {
  HANDLE opened = nullptr;
  if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_DUPLICATE | TOKEN_QUERY | TOKEN_ASSIGN_PRIMARY,
                         &opened) == 0)
    return false;
  const Handle own(opened);
  SID_IDENTIFIER_AUTHORITY null_authority = SECURITY_NULL_SID_AUTHORITY;
  SID nobody{};
  ::InitializeSid(&nobody, &null_authority, 1);
  *::GetSidSubAuthority(&nobody, 0) = SECURITY_NULL_RID;
  SID_AND_ATTRIBUTES restricting{&nobody, 0};
  HANDLE restricted = nullptr;
  if (::CreateRestrictedToken(own.get(), DISABLE_MAX_PRIVILEGE, 0, nullptr, 0, nullptr, 1, &restricting,
                              &restricted) == 0)
    return false;
  const Handle primary(restricted);
  HANDLE duplicate = nullptr;
  if (::DuplicateTokenEx(primary.get(), TOKEN_IMPERSONATE | TOKEN_QUERY, nullptr, SecurityImpersonation,
                         TokenImpersonation, &duplicate) == 0)
    return false;
  const Handle impersonated(duplicate);
  return ::SetThreadToken(nullptr, impersonated.get()) != 0;
}

}  // namespace

// That it ends with who started it is the starter's to see to (child_process.cpp): its job.
Result<void> confine_this_process(std::size_t memory_bytes) {
  keep_memory_out_of_core_files();
  if (!limit(memory_bytes)) return failed("limiting its memory");
  if (!open_nothing()) return failed("taking its rights away");
  return ok();
}

}  // namespace tillsync
