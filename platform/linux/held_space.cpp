#include "platform/service/held_space.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace tillsync {
namespace {

class File {
 public:
  File(const std::string& path, int flags)
      : path_(path), descriptor_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0640)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool open() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }

  Error error(const char* what, int number) const {
    const bool full = number == ENOSPC || number == EDQUOT;
    return {ErrorKind::kStorage, full ? "storage-full" : "file",
            std::string(what) + " " + path_ + ": " + std::strerror(number)};
  }

 private:
  const std::string& path_;
  const int descriptor_;
};

bool cannot_allocate(int number) {
  return number == EOPNOTSUPP || number == ENOSYS || number == EINVAL;
}

/// 0, or the error's number.
int write_zeros(int descriptor, std::int64_t from, std::int64_t to) {
  static constexpr std::array<char, 64 * 1024> kZeros{};
  while (from < to) {
    const auto size = std::min<std::int64_t>(to - from, static_cast<std::int64_t>(kZeros.size()));
    const ssize_t written = ::pwrite(descriptor, kZeros.data(), static_cast<std::size_t>(size), from);
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) from += written;
  }
  return ::fsync(descriptor) == 0 ? 0 : errno;  // some file systems find out only now that there is no room
}

int allocate(int descriptor, std::int64_t size, std::int64_t bytes) {
  int result = 0;
  do {
    result = ::fallocate(descriptor, 0, 0, bytes) == 0 ? 0 : errno;
  } while (result == EINTR);
  return cannot_allocate(result) ? write_zeros(descriptor, size, bytes) : result;
}

}  // namespace

Result<std::int64_t> held_bytes(const std::string& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) == 0) return static_cast<std::int64_t>(facts.st_size);
  if (errno == ENOENT) return std::int64_t{0};
  return Error{ErrorKind::kStorage, "file", "cannot look at " + path + ": " + std::strerror(errno)};
}

Result<void> hold_bytes(const std::string& path, std::int64_t bytes) {
  const File file(path, O_RDWR | O_CREAT);
  if (!file.open()) return file.error("cannot open", errno);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return file.error("cannot look at", errno);
  if (bytes == 0) return ok();  // fallocate takes no empty range
  if (const int failed = allocate(file.get(), facts.st_size, bytes); failed != 0) {
    if (::ftruncate(file.get(), facts.st_size) != 0) return file.error("cannot cut", errno);
    return file.error("cannot take space for", failed);
  }
  return ok();
}

Result<void> release_to_bytes(const std::string& path, std::int64_t bytes) {
  const File file(path, O_RDWR);
  if (!file.open()) return file.error("cannot open", errno);
  if (::ftruncate(file.get(), bytes) != 0) return file.error("cannot cut", errno);
  // A journaling file system gives blocks out again only once the truncation is committed.
  if (::fsync(file.get()) != 0) return file.error("cannot make durable", errno);
  return ok();
}

}  // namespace tillsync
