#include "platform/service/held_space.h"

#include <algorithm>
#include <array>

#include "platform/windows/file_facts.h"
#include "platform/windows/handle.h"

namespace tillsync {
namespace {

Error failed(const char* what, const std::string& path, DWORD error) {
  return {ErrorKind::kStorage, is_full(error) ? "storage-full" : "file",
          std::string(what) + " " + path + ": " + words_for(error)};
}

Handle open(const std::string& path, DWORD disposition) {
  return Handle(::CreateFileW(wide(path).c_str(), GENERIC_READ | GENERIC_WRITE,
                              FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, disposition,
                              FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
}

bool set_end(HANDLE file, std::int64_t bytes) {
  LARGE_INTEGER end;
  end.QuadPart = bytes;
  return ::SetFilePointerEx(file, end, nullptr, FILE_BEGIN) != 0 && ::SetEndOfFile(file) != 0;
}

/// 0, or the error.
DWORD write_zeros(HANDLE file, std::int64_t from, std::int64_t to) {
  static constexpr std::array<char, 64 * 1024> kZeros{};
  LARGE_INTEGER at;
  at.QuadPart = from;
  if (::SetFilePointerEx(file, at, nullptr, FILE_BEGIN) == 0) return ::GetLastError();
  while (from < to) {
    const auto size = static_cast<DWORD>(std::min<std::int64_t>(to - from, kZeros.size()));
    DWORD written = 0;
    if (::WriteFile(file, kZeros.data(), size, &written, nullptr) == 0) return ::GetLastError();
    from += written;
  }
  return ::FlushFileBuffers(file) != 0 ? 0 : ::GetLastError();
}

/// A file whose bytes the file system may leave out until they are written.
bool may_be_thin(HANDLE file) {
  BY_HANDLE_FILE_INFORMATION info{};
  return ::GetFileInformationByHandle(file, &info) == 0 ||
         (info.dwFileAttributes & (FILE_ATTRIBUTE_SPARSE_FILE | FILE_ATTRIBUTE_COMPRESSED)) != 0;
}

}  // namespace

Result<std::int64_t> held_bytes(const std::string& path) {
  if (const auto facts = facts_of(path, Links::kShown)) return facts->size;
  const DWORD error = ::GetLastError();
  if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) return std::int64_t{0};
  return failed("cannot look at", path, error);
}

// Setting a file's end takes its clusters at once on NTFS and ReFS, unless it is sparse or compressed.
Result<void> hold_bytes(const std::string& path, std::int64_t bytes) {
  const Handle file = open(path, OPEN_ALWAYS);
  if (!file) return failed("cannot open", path, ::GetLastError());
  const auto facts = facts_of(file.get());
  if (!facts) return failed("cannot look at", path, ::GetLastError());
  if (bytes == 0) return ok();
  DWORD error = 0;
  if (may_be_thin(file.get())) {
    error = write_zeros(file.get(), 0, std::max(facts->size, bytes));
  } else if (facts->size < bytes) {
    error = set_end(file.get(), bytes) && ::FlushFileBuffers(file.get()) != 0 ? 0 : ::GetLastError();
  }
  if (error == 0) return ok();
  set_end(file.get(), facts->size);
  return failed("cannot take space for", path, error);
}

Result<void> release_to_bytes(const std::string& path, std::int64_t bytes) {
  const Handle file = open(path, OPEN_EXISTING);
  if (!file) return failed("cannot open", path, ::GetLastError());
  if (!set_end(file.get(), bytes)) return failed("cannot cut", path, ::GetLastError());
  if (::FlushFileBuffers(file.get()) == 0) return failed("cannot make durable", path, ::GetLastError());
  return ok();
}

}  // namespace tillsync
