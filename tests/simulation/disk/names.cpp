// The crash disk's names: what is made, renamed and removed past SQLite.
#include "tests/simulation/disk/crash_disk_impl.h"

namespace tillsync::sim {
namespace {

class CrashFiles final : public Files {
 public:
  explicit CrashFiles(CrashDisk::Impl& disk) : disk_(disk) {}

  Result<bool> exists(const std::string& path) override {
    if (auto failed = meet(DiskCall::kLook, path); !failed) return failed.error();
    return disk_.find(path) != nullptr;
  }
  Result<void> make_folder(const std::string& path) override {
    if (auto failed = meet(DiskCall::kRename, path); !failed) return failed;
    return disk_.dies_now() ? Result<void>(lost(path)) : ok();
  }
  Result<void> remove(const std::string& path) override {
    if (auto failed = meet(DiskCall::kDelete, path); !failed) return failed;
    if (disk_.find(path) == nullptr) return ok();
    if (disk_.dies_now()) return lost(path);
    disk_.remove(path, false);
    return ok();
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (auto failed = meet(DiskCall::kRename, from); !failed) return failed;
    if (disk_.dies_now() || disk_.find(from) == nullptr) return lost(from);
    disk_.rename(from, to);
    return ok();
  }
  Result<void> sync_file(const std::string& path) override {
    const auto file = disk_.find(path);
    if (auto failed = meet(DiskCall::kSync, path); !failed) {
      if (file != nullptr && !disk_.crashed) file->fail_sync();
      return failed;
    }
    if (disk_.dies_now() || file == nullptr) return lost(path);
    if (disk_.outer.lying_syncs) return ok();
    file->sync();
    disk_.keep_entry(file);
    return ok();
  }
  Result<void> sync_folder(const std::string& path) override {
    if (auto failed = meet(DiskCall::kSync, path); !failed) return failed;
    if (disk_.dies_now()) return lost(path);
    if (!disk_.outer.lying_syncs) disk_.keep_names(path);
    return ok();
  }

 private:
  static Error lost(const std::string& path) {
    return Error{ErrorKind::kStorage, "storage-io", "the disk fails at " + path};
  }
  Result<void> meet(DiskCall call, const std::string& path) {
    if (disk_.crashed || disk_.fault(call, path)) return lost(path);
    return ok();
  }

  CrashDisk::Impl& disk_;
};

bool lies_in(const std::string& path, const std::string& folder) {
  return path.starts_with(folder + "/") && path.find('/', folder.size() + 1) == std::string::npos;
}

}  // namespace

std::unique_ptr<Files> make_files(CrashDisk::Impl& disk) {
  return std::make_unique<CrashFiles>(disk);
}

void CrashDisk::Impl::rename(const std::string& from, const std::string& to) {
  auto file = find(from);
  remove(to, false);
  entries[to].now = std::move(file);
  entries[from].now.reset();
  renames.emplace_back(from, to);
}

void CrashDisk::Impl::keep_names(const std::string& folder) {
  for (auto entry = entries.begin(); entry != entries.end();) {
    auto& [now, durable] = entry->second;
    if (lies_in(entry->first, folder)) durable = now;
    if (durable != nullptr && durable == now) durable->entry_durable = true;
    entry = now == nullptr && durable == nullptr ? entries.erase(entry) : std::next(entry);
  }
  std::erase_if(renames, [&](const auto& one) { return lies_in(one.second, folder); });
}

void CrashDisk::Impl::decide_renames() {
  bool kept = true;  // what comes after one that is lost is lost
  for (const auto& [from, to] : std::exchange(renames, {})) {
    kept = kept && random.below(2) == 0;
    auto& old_name = entries[from];
    auto& new_name = entries[to];
    if (kept) {
      new_name.durable = new_name.now;
      old_name.durable = old_name.now;
    } else {
      new_name.now = new_name.durable;
      old_name.now = old_name.durable;
    }
  }
}

}  // namespace tillsync::sim
