#include "platform/windows/file_facts.h"

#include "platform/windows/handle.h"

namespace tillsync {

std::optional<FileFacts> facts_of(HANDLE file) {
  BY_HANDLE_FILE_INFORMATION info{};
  if (::GetFileInformationByHandle(file, &info) == 0) return std::nullopt;
  const auto joined = [](DWORD high, DWORD low) { return std::uint64_t{high} << 32 | low; };
  FileFacts facts;
  facts.device = info.dwVolumeSerialNumber;
  facts.id = joined(info.nFileIndexHigh, info.nFileIndexLow);
  facts.size = static_cast<std::int64_t>(joined(info.nFileSizeHigh, info.nFileSizeLow));
  facts.modified_ns = static_cast<std::int64_t>(
      joined(info.ftLastWriteTime.dwHighDateTime, info.ftLastWriteTime.dwLowDateTime) * 100);
  facts.is_folder = (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
  facts.is_regular = !facts.is_folder && ::GetFileType(file) == FILE_TYPE_DISK &&
                     (info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0;
  return facts;
}

std::optional<FileFacts> facts_of(const std::string& path, Links links) {
  const DWORD flags =
      FILE_FLAG_BACKUP_SEMANTICS | (links == Links::kShown ? FILE_FLAG_OPEN_REPARSE_POINT : 0);
  const Handle file(::CreateFileW(wide(path).c_str(), FILE_READ_ATTRIBUTES,
                                  FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                  OPEN_EXISTING, flags, nullptr));
  if (!file) return std::nullopt;
  return facts_of(file.get());
}

}  // namespace tillsync
