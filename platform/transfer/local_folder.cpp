#include "platform/transfer/local_folder.h"

#include <fstream>

namespace tillsync::transfer {
namespace {

Error unavailable(std::string code, std::string detail) {
  return {ErrorKind::kUnavailable, std::move(code), std::move(detail)};
}

}  // namespace

Result<void> LocalFolder::check_folder() {
  const auto there = files_.exists(path_ + "/.");
  if (there && *there) return ok();
  return unavailable("no-folder", "there is no folder " + path_ +
                                      " that this user may enter; mount or make it, and mind its rights");
}

Result<void> LocalFolder::put(const std::string& name, std::string_view bytes) {
  if (auto there = check_folder(); !there) return there;
  const std::string temporary = path_of(temporary_name(name));
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out)
      return unavailable("write", "cannot write " + temporary + "; mind the folder's rights and free space");
  }
  if (auto synced = files_.sync_file(temporary); !synced) return unavailable("write", synced.error().detail);
  if (auto named = files_.rename(temporary, path_of(name)); !named)
    return unavailable("rename", named.error().detail);
  if (auto synced = files_.sync_folder(path_); !synced) return unavailable("rename", synced.error().detail);
  return ok();
}

Result<std::optional<std::string>> LocalFolder::get(const std::string& name, std::size_t bytes_max) {
  if (auto there = check_folder(); !there) return there.error();
  const std::string path = path_of(name);
  const auto exists = files_.exists(path);
  if (!exists) return unavailable("read", exists.error().detail);
  if (!*exists) return std::optional<std::string>();
  std::ifstream in(path, std::ios::binary);
  std::string bytes(bytes_max + 1, '\0');
  if (in) in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!in.is_open() || in.bad()) {
    // Taken out of the folder in between, or not for us to read.
    const auto still = files_.exists(path);
    if (still && !*still) return std::optional<std::string>();
    return unavailable("read", "cannot read " + path);
  }
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  if (bytes.size() > bytes_max)
    return Error{ErrorKind::kInvalid, "too-large", path + " is larger than it can be"};
  return std::optional<std::string>(std::move(bytes));
}

}  // namespace tillsync::transfer
