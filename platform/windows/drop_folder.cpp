#include "platform/service/drop_folder.h"

#include <algorithm>

#include "platform/service/service_host.h"
#include "platform/windows/file_facts.h"
#include "platform/windows/handle.h"

namespace tillsync {
namespace {

constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

Error failed(const char* code, const std::string& what, DWORD error) {
  const bool missing = error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
  return {missing ? ErrorKind::kNotFound : ErrorKind::kStorage, is_full(error) ? "storage-full" : code,
          what + ": " + words_for(error)};
}

FileMark mark_from(const FileFacts& facts) {
  return {facts.device, facts.id, static_cast<std::uint64_t>(facts.size), facts.modified_ns};
}

std::string folder_of(const std::string& path) {
  const auto slash = path.find_last_of("/\\");
  return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

/// Closes a search of FindFirstFileW.
class Search {
 public:
  explicit Search(HANDLE value) : value_(value) {}
  ~Search() {
    if (value_ != INVALID_HANDLE_VALUE) ::FindClose(value_);
  }
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;
  HANDLE get() const { return value_; }

 private:
  HANDLE value_;
};

bool by_name(const DropFile& a, const DropFile& b) {
  return a.name < b.name;
}

/// The file system keeps what a search shows behind what a writer has written until that one closes: the mark
/// comes from the file itself.
void add(DropListing& listing, const std::string& folder, std::string name, std::size_t files_max) {
  const auto facts = facts_of(folder + "/" + name, Links::kShown);
  if (!facts) return;  // gone
  if (!facts->is_regular) {
    if (!facts->is_folder && listing.others.size() < kDropOthersMax)
      listing.others.push_back(std::move(name));
    return;
  }
  listing.files.push_back({std::move(name), mark_from(*facts)});
  std::push_heap(listing.files.begin(), listing.files.end(), by_name);
  if (listing.files.size() <= files_max) return;
  std::pop_heap(listing.files.begin(), listing.files.end(), by_name);
  listing.files.pop_back();
  listing.more = true;
}

/// 0, or the error.
DWORD write_all(HANDLE file, std::string_view content) {
  while (!content.empty()) {
    const auto size = static_cast<DWORD>(std::min<std::size_t>(content.size(), 1024 * 1024));
    DWORD written = 0;
    if (::WriteFile(file, content.data(), size, &written, nullptr) == 0) return ::GetLastError();
    content.remove_prefix(written);
  }
  return ::FlushFileBuffers(file) != 0 ? 0 : ::GetLastError();
}

}  // namespace

Result<DropListing> list_drop_folder(const std::string& folder, std::size_t files_max,
                                     const std::function<bool(std::string_view name)>& wanted) {
  WIN32_FIND_DATAW entry{};
  const Search search(::FindFirstFileW(wide(folder + "/*").c_str(), &entry));
  if (search.get() == INVALID_HANDLE_VALUE) {
    const DWORD error = ::GetLastError();
    if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND)
      return Error{ErrorKind::kNotFound, "no-folder", "there is no folder " + folder};
    return failed("folder-unreadable", "cannot look into " + folder, error);
  }
  DropListing listing;
  do {
    std::string name = narrow(entry.cFileName);
    if (name != "." && name != ".." && wanted(name)) add(listing, folder, std::move(name), files_max);
  } while (::FindNextFileW(search.get(), &entry) != 0);
  if (::GetLastError() != ERROR_NO_MORE_FILES)
    return failed("folder-unreadable", "cannot look into " + folder, ::GetLastError());
  std::sort_heap(listing.files.begin(), listing.files.end(), by_name);
  std::sort(listing.others.begin(), listing.others.end());
  return listing;
}

Result<FileMark> file_mark(const std::string& path) {
  const auto facts = facts_of(path, Links::kShown);
  if (!facts) return failed("file-unreadable", "cannot look at " + path, ::GetLastError());
  return mark_from(*facts);
}

// Shared with everyone: a till may go on writing, and then the mark is another one.
Result<DropContent> read_drop_file(const std::string& path, std::uint64_t bytes_max) {
  const Error no_file{ErrorKind::kInvalid, "not-a-file", path + " is no regular file"};
  const Handle file(::CreateFileW(wide(path).c_str(), GENERIC_READ, kShareAll, nullptr, OPEN_EXISTING,
                                  FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS, nullptr));
  if (!file) return failed("file-unreadable", "cannot read " + path, ::GetLastError());
  auto facts = facts_of(file.get());
  if (!facts) return failed("file-unreadable", "cannot look at " + path, ::GetLastError());
  if (!facts->is_regular) return no_file;
  if (static_cast<std::uint64_t>(facts->size) > bytes_max) {
    return Error{ErrorKind::kInvalid, "too-large",
                 path + " has more than " + std::to_string(bytes_max) + " bytes"};
  }
  DropContent content;
  content.bytes.resize(static_cast<std::size_t>(facts->size));
  std::size_t at = 0;
  while (at < content.bytes.size()) {
    const auto size = static_cast<DWORD>(std::min<std::size_t>(content.bytes.size() - at, 1024 * 1024));
    DWORD count = 0;
    if (::ReadFile(file.get(), content.bytes.data() + at, size, &count, nullptr) == 0)
      return failed("file-unreadable", "cannot read " + path, ::GetLastError());
    if (count == 0) break;  // it was cut meanwhile; its mark tells
    at += count;
  }
  content.bytes.resize(at);
  facts = facts_of(file.get());
  if (!facts) return failed("file-unreadable", "cannot look at " + path, ::GetLastError());
  content.mark = mark_from(*facts);
  return content;
}

Result<void> make_drop_folder(const std::string& path) {
  if (::CreateDirectoryW(wide(path).c_str(), nullptr) != 0) return fsync_directory(folder_of(path));
  const DWORD error = ::GetLastError();
  if (error == ERROR_ALREADY_EXISTS) {
    if (const auto facts = facts_of(path, Links::kFollowed); facts && facts->is_folder) return ok();
  }
  return failed("folder-unwritable", "cannot make the folder " + path,
                error == ERROR_ALREADY_EXISTS ? ERROR_DIRECTORY : error);
}

Result<void> write_beside(const std::string& path, std::string_view content) {
  const std::string temporary = folder_of(path) + "/.reason.part";
  {
    const Handle file(::CreateFileW(wide(temporary).c_str(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS,
                                    FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!file) return failed("file-unwritable", "cannot make " + temporary, ::GetLastError());
    if (const DWORD error = write_all(file.get(), content); error != 0)
      return failed("file-unwritable", "cannot write " + temporary, error);
  }
  if (::MoveFileExW(wide(temporary).c_str(), wide(path).c_str(),
                    MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) == 0)
    return failed("file-unwritable", "cannot name " + path, ::GetLastError());
  return ok();
}

// Without MOVEFILE_REPLACE_EXISTING the system replaces nothing. Across volumes it is copied here, under
// another name first: the system's own copy would show a half file.
Result<void> move_drop_file(const std::string& from, const std::string& to) {
  if (::MoveFileExW(wide(from).c_str(), wide(to).c_str(), MOVEFILE_WRITE_THROUGH) != 0) return ok();
  DWORD error = ::GetLastError();
  if (error == ERROR_NOT_SAME_DEVICE) {
    const std::wstring temporary = wide(folder_of(to) + "/.copy.part");
    error = 0;
    if (::CopyFileW(wide(from).c_str(), temporary.c_str(), FALSE) == 0) error = ::GetLastError();
    if (error == 0 && !fsync_file(narrow(temporary))) error = ERROR_WRITE_FAULT;
    if (error == 0 && ::MoveFileExW(temporary.c_str(), wide(to).c_str(), MOVEFILE_WRITE_THROUGH) == 0)
      error = ::GetLastError();
    if (error == 0 && ::DeleteFileW(wide(from).c_str()) != 0) return ok();
    if (error == 0) {
      error = ::GetLastError();
      ::DeleteFileW(wide(to).c_str());
    } else {
      ::DeleteFileW(temporary.c_str());
    }
  }
  if (error == ERROR_ALREADY_EXISTS || error == ERROR_FILE_EXISTS)
    return Error{ErrorKind::kInvalid, "exists", to + " is there already"};
  return failed("file-immovable", "cannot move " + from + " to " + to, error);
}

}  // namespace tillsync
