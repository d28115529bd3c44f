#include "platform/service/file_stamp.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace tillsync {

std::optional<FileStamp> stamp_of(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return std::nullopt;
  return FileStamp{facts.st_ino, facts.st_size,
                   static_cast<std::int64_t>(facts.st_mtim.tv_sec) * 1'000'000'000 + facts.st_mtim.tv_nsec};
}

bool is_socket_file(const std::string& path) {
  struct stat facts {};
  return ::lstat(path.c_str(), &facts) == 0 && S_ISSOCK(facts.st_mode);
}

Result<void> give_to_owner_of(const std::string& folder, const std::string& path) {
  struct stat owner {
  }, facts{};
  if (::stat(folder.c_str(), &owner) == 0 && ::stat(path.c_str(), &facts) == 0) {
    if (owner.st_uid == facts.st_uid) return ok();
    if (::chown(path.c_str(), owner.st_uid, owner.st_gid) == 0) return ok();
  }
  return Error{ErrorKind::kStorage, "storage-failed",
               path + " cannot be given to the owner of " + folder + " (" +
                   std::generic_category().message(errno) + "); run this as that user, or as root"};
}

}  // namespace tillsync
