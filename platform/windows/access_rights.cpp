#include "platform/windows/access_rights.h"

#include <aclapi.h>
#include <sddl.h>

#include <memory>

#include "platform/windows/handle.h"

namespace tillsync {
namespace {

/// The SID of NT SERVICE\tillsync. It is made of the name alone, so that it needs no service of that name.
constexpr const wchar_t* kServiceAccount = L"NT SERVICE\\tillsync";

struct LocalDeleter {
  void operator()(void* memory) const { ::LocalFree(memory); }
};

/// "" where this system knows no such account.
std::wstring sid_of(const wchar_t* account) {
  char sid[SECURITY_MAX_SID_SIZE];
  wchar_t domain[256];
  DWORD sid_bytes = sizeof sid, domain_size = 256;
  SID_NAME_USE use{};
  wchar_t* text = nullptr;
  if (::LookupAccountNameW(nullptr, account, sid, &sid_bytes, domain, &domain_size, &use) == 0 ||
      ::ConvertSidToStringSidW(sid, &text) == 0)
    return {};
  const std::unique_ptr<wchar_t, LocalDeleter> owned(text);
  return text;
}

}  // namespace

Result<void> protect_folder(const std::string& path, Rights service) {
  const auto failed = [&](DWORD error) {
    return Error{
        ErrorKind::kStorage, "storage-failed",
        "the rights on " + path + " cannot be set: " + words_for(error) + "; run this as an administrator"};
  };
  // Protected: inherits nothing. System and administrators: all; both pass on to what lies in it.
  std::wstring rights = L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
  if (const std::wstring sid = sid_of(kServiceAccount); !sid.empty())
    rights += (service == Rights::kRead ? L"(A;OICI;FRFX;;;" : L"(A;OICI;0x1301bf;;;") + sid + L")";
  PSECURITY_DESCRIPTOR made = nullptr;
  if (::ConvertStringSecurityDescriptorToSecurityDescriptorW(rights.c_str(), SDDL_REVISION_1, &made,
                                                             nullptr) == 0)
    return failed(::GetLastError());
  const std::unique_ptr<void, LocalDeleter> descriptor(made);
  BOOL present = FALSE, defaulted = FALSE;
  PACL list = nullptr;
  if (::GetSecurityDescriptorDacl(descriptor.get(), &present, &list, &defaulted) == 0)
    return failed(::GetLastError());
  std::wstring name = wide(path);
  const DWORD error = ::SetNamedSecurityInfoW(name.data(), SE_FILE_OBJECT,
                                              DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
                                              nullptr, nullptr, list, nullptr);
  if (error != 0) return failed(error);
  return ok();
}

}  // namespace tillsync
