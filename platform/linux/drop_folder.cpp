#include "platform/service/drop_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "platform/linux/handle.h"
#include "platform/service/service_host.h"

namespace tillsync {
namespace {

constexpr mode_t kFolderMode = 0770;
constexpr mode_t kFileMode = 0660;

Error failed(const char* code, const std::string& what, int number) {
  const bool full = number == ENOSPC || number == EDQUOT;
  return {number == ENOENT ? ErrorKind::kNotFound : ErrorKind::kStorage, full ? "storage-full" : code,
          what + ": " + std::strerror(number)};
}

FileMark mark_from(const struct stat& facts) {
  return {static_cast<std::uint64_t>(facts.st_dev), static_cast<std::uint64_t>(facts.st_ino),
          static_cast<std::uint64_t>(facts.st_size),
          static_cast<std::int64_t>(facts.st_mtim.tv_sec) * 1'000'000'000 + facts.st_mtim.tv_nsec};
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

/// Keeps the `most` first of what it is given, by name.
class FirstFiles {
 public:
  FirstFiles(std::size_t most, bool& more) : most_(most), more_(more) {}

  void add(DropFile file) {
    files_.push_back(std::move(file));
    std::push_heap(files_.begin(), files_.end(), by_name);
    if (files_.size() <= most_) return;
    std::pop_heap(files_.begin(), files_.end(), by_name);
    files_.pop_back();
    more_ = true;
  }
  std::vector<DropFile> take() {
    std::sort_heap(files_.begin(), files_.end(), by_name);
    return std::move(files_);
  }

 private:
  static bool by_name(const DropFile& a, const DropFile& b) { return a.name < b.name; }

  const std::size_t most_;
  bool& more_;
  std::vector<DropFile> files_;  // a heap, the last name on top
};

/// 0, or the error's number.
int copy_all(int from, int to) {
  const auto buffer = std::make_unique<std::array<char, 256 * 1024>>();
  for (;;) {
    const ssize_t count = ::read(from, buffer->data(), buffer->size());
    if (count == 0) return 0;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    for (ssize_t at = 0; at < count;) {
      const ssize_t written = ::write(to, buffer->data() + at, static_cast<std::size_t>(count - at));
      if (written < 0 && errno != EINTR) return errno;
      if (written > 0) at += written;
    }
  }
}

/// Renames, and replaces nothing. 0, or the error's number: EEXIST, EXDEV, ...
int rename_to_free(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return errno;
  // The file system (NFS, some FUSE) cannot do both at once. Nobody else names files there.
  struct stat facts {};
  if (::lstat(to.c_str(), &facts) == 0) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

/// `to` is made by this call, whole and durable, or not at all.
Result<void> copy_to(int from, const std::string& to) {
  const std::string temporary = folder_of(to) + "/.copy.part";
  if (::unlink(temporary.c_str()) != 0 && errno != ENOENT)
    return failed("file-unwritable", "cannot make " + temporary, errno);
  const Handle out(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kFileMode));
  if (out.get() < 0) return failed("file-unwritable", "cannot make " + temporary, errno);
  int number = copy_all(from, out.get());
  if (number == 0 && ::fsync(out.get()) != 0) number = errno;
  if (number == 0) number = rename_to_free(temporary, to);
  if (number == 0) return fsync_directory(folder_of(to));
  static_cast<void>(::unlink(temporary.c_str()));
  if (number == EEXIST) return Error{ErrorKind::kInvalid, "exists", to + " is there already"};
  return failed("file-unwritable", "cannot write " + to, number);
}

Result<void> move_by_copy(const std::string& from, const std::string& to) {
  const Handle in(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (in.get() < 0) return failed("file-unreadable", "cannot read " + from, errno);
  if (auto copied = copy_to(in.get(), to); !copied) return copied;
  if (::unlink(from.c_str()) == 0) return ok();
  const int number = errno;
  static_cast<void>(::unlink(to.c_str()));
  return failed("file-immovable", "cannot remove " + from, number);
}

}  // namespace

Result<DropListing> list_drop_folder(const std::string& folder, std::size_t files_max,
                                     const std::function<bool(std::string_view name)>& wanted) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), &::closedir);
  if (!open) {
    if (errno == ENOENT) return Error{ErrorKind::kNotFound, "no-folder", "there is no folder " + folder};
    return failed("folder-unreadable", "cannot look into " + folder, errno);
  }
  DropListing listing;
  FirstFiles files(files_max, listing.more);
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(open.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || !wanted(name)) continue;
    struct stat facts {};
    if (::fstatat(::dirfd(open.get()), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;  // gone
    if (S_ISREG(facts.st_mode)) {
      files.add({std::string(name), mark_from(facts)});
    } else if (!S_ISDIR(facts.st_mode) && listing.others.size() < kDropOthersMax) {
      listing.others.emplace_back(name);
    }
  }
  if (errno != 0) return failed("folder-unreadable", "cannot look into " + folder, errno);
  listing.files = files.take();
  std::sort(listing.others.begin(), listing.others.end());
  return listing;
}

Result<FileMark> file_mark(const std::string& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) return failed("file-unreadable", "cannot look at " + path, errno);
  return mark_from(facts);
}

Result<DropContent> read_drop_file(const std::string& path, std::uint64_t bytes_max) {
  // O_NONBLOCK: a pipe that has taken the file's place is opened at once, and told below.
  const Handle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  const Error no_file{ErrorKind::kInvalid, "not-a-file", path + " is no regular file"};
  if (file.get() < 0)
    return errno == ELOOP || errno == ENXIO ? no_file
                                            : failed("file-unreadable", "cannot read " + path, errno);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return failed("file-unreadable", "cannot look at " + path, errno);
  if (!S_ISREG(facts.st_mode)) return no_file;
  const Error too_large{ErrorKind::kInvalid, "too-large",
                        path + " has more than " + std::to_string(bytes_max) + " bytes"};
  if (static_cast<std::uint64_t>(facts.st_size) > bytes_max) return too_large;
  DropContent content;
  content.bytes.resize(static_cast<std::size_t>(facts.st_size));
  std::size_t at = 0;
  while (at < content.bytes.size()) {
    const ssize_t count = ::read(file.get(), content.bytes.data() + at, content.bytes.size() - at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("file-unreadable", "cannot read " + path, errno);
    if (count == 0) break;  // it was cut meanwhile; its mark tells
    at += static_cast<std::size_t>(count);
  }
  content.bytes.resize(at);
  if (::fstat(file.get(), &facts) != 0) return failed("file-unreadable", "cannot look at " + path, errno);
  content.mark = mark_from(facts);
  return content;
}

Result<void> make_drop_folder(const std::string& path) {
  if (::mkdir(path.c_str(), kFolderMode) == 0) return fsync_directory(folder_of(path));
  const int number = errno;
  struct stat facts {};
  if (number == EEXIST && ::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) return ok();
  return failed("folder-unwritable", "cannot make the folder " + path, number == EEXIST ? ENOTDIR : number);
}

Result<void> write_beside(const std::string& path, std::string_view content) {
  const std::string temporary = folder_of(path) + "/.reason.part";
  {
    const Handle file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kFileMode));
    if (file.get() < 0) return failed("file-unwritable", "cannot make " + temporary, errno);
    while (!content.empty()) {
      const ssize_t written = ::write(file.get(), content.data(), content.size());
      if (written < 0 && errno != EINTR) return failed("file-unwritable", "cannot write " + temporary, errno);
      if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(file.get()) != 0) return failed("file-unwritable", "cannot write " + temporary, errno);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return failed("file-unwritable", "cannot name " + path, errno);
  return fsync_directory(folder_of(path));
}

Result<void> move_drop_file(const std::string& from, const std::string& to) {
  const int number = rename_to_free(from, to);
  if (number == 0) return ok();
  if (number == EEXIST) return Error{ErrorKind::kInvalid, "exists", to + " is there already"};
  if (number == EXDEV) return move_by_copy(from, to);
  return failed("file-immovable", "cannot move " + from + " to " + to, number);
}

}  // namespace tillsync
