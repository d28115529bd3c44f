#include "platform/service/file_stamp.h"

#include <aclapi.h>

#include <memory>

#include "platform/windows/file_facts.h"
#include "platform/windows/handle.h"

namespace tillsync {

std::optional<FileStamp> stamp_of(const std::string& path) {
  const auto facts = facts_of(path, Links::kFollowed);
  if (!facts) return std::nullopt;
  return FileStamp{facts->id, facts->size, facts->modified_ns};
}

bool is_socket_file(const std::string& path) {
  constexpr DWORD kSocketTag = 0x80000023;  // IO_REPARSE_TAG_AF_UNIX, of newer headers
  WIN32_FIND_DATAW entry{};
  const HANDLE search = ::FindFirstFileW(wide(path).c_str(), &entry);
  if (search == INVALID_HANDLE_VALUE) return false;
  ::FindClose(search);
  return (entry.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 && entry.dwReserved0 == kSocketTag;
}

// On Windows rights come from the folder: a file that is made in it has what its folder gives, whoever made
// it. One that was renamed into it keeps what it had, so it takes on its folder's anew.
Result<void> give_to_owner_of(const std::string&, const std::string& path) {
  ACL empty{};
  DWORD failed = ::InitializeAcl(&empty, sizeof empty, ACL_REVISION) != 0 ? 0 : ::GetLastError();
  std::wstring name = wide(path);
  if (failed == 0) {
    failed = ::SetNamedSecurityInfoW(name.data(), SE_FILE_OBJECT,
                                     DACL_SECURITY_INFORMATION | UNPROTECTED_DACL_SECURITY_INFORMATION,
                                     nullptr, nullptr, &empty, nullptr);
  }
  if (failed == 0) return ok();
  return Error{ErrorKind::kStorage, "storage-failed",
               path + " cannot be given the rights of its folder (" + words_for(failed) +
                   "); run this as an administrator"};
}

}  // namespace tillsync
