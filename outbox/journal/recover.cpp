#include "outbox/journal/recover.h"

#include <filesystem>
#include <fstream>

#include "outbox/document/codec.h"
#include "outbox/journal/carry.h"
#include "outbox/journal/chain.h"
#include "outbox/journal/schema.h"
#include "outbox/journal/verify.h"
#include "platform/service/service_host.h"

namespace tillsync {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPartial = "recovered.partial";
constexpr const char* kFiles[] = {"", "-wal", "-shm"};  // behind the database's name; the database first

Error storage(const std::string& what, const std::error_code& why) {
  return Error{ErrorKind::kStorage, "storage-io", what + ": " + why.message()};
}

Result<void> make_folder(const std::string& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  return failed ? Result<void>(storage("cannot make " + path, failed)) : ok();
}

Result<void> rename_file(const std::string& from, const std::string& to) {
  std::error_code failed;
  fs::rename(from, to, failed);
  return failed ? Result<void>(storage("cannot move " + from + " to " + to, failed)) : ok();
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

void remove_all(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

/// "damaged-20261123T101500Z", and a number behind it where there is one already.
std::string aside_name(const std::string& folder, UtcTime now) {
  std::string name = "damaged-";
  for (const char c : format_utc(std::chrono::floor<std::chrono::seconds>(now))) {
    if (c == '.') break;
    if (c != '-' && c != ':') name += c;
  }
  if (name.back() != 'Z') name += 'Z';
  std::string free = name;
  for (int i = 2; exists(folder + "/" + free); ++i) free = name + "-" + std::to_string(i);
  return free;
}

Result<void> write_mark(const std::string& folder, const std::string& aside) {
  const std::string path = folder + "/" + kRecoveryMark;
  std::ofstream(path) << aside << '\n';
  if (auto synced = fsync_file(path); !synced) return synced.error();
  return fsync_directory(folder);
}

std::string read_mark(const std::string& folder) {
  std::ifstream file(folder + "/" + kRecoveryMark);
  std::string aside;
  std::getline(file, aside);
  return aside;
}

/// From a written mark on: the damaged files go aside, the result takes their place, the mark goes. Each step
/// can have been done already.
Result<void> swap(const std::string& folder, const std::string& aside) {
  for (const std::string suffix : kFiles) {
    const std::string from = folder + "/" + kJournalFile + suffix;
    const std::string to = folder + "/" + aside + "/" + kJournalFile + suffix;
    if (exists(to) || !exists(from)) continue;
    if (auto moved = rename_file(from, to); !moved) return moved.error();
  }
  for (const auto& place : {folder + "/" + aside, folder}) {
    if (auto synced = fsync_directory(place); !synced) return synced.error();
  }
  const std::string made = folder + "/" + kPartial + "/" + kJournalFile;
  if (exists(made)) {
    if (auto moved = rename_file(made, folder + "/" + kJournalFile); !moved) return moved.error();
    if (auto synced = fsync_directory(folder); !synced) return synced.error();
  }
  std::error_code failed;
  fs::remove(folder + "/" + kRecoveryMark, failed);
  if (failed) return storage("cannot remove " + folder + "/" + kRecoveryMark, failed);
  remove_all(folder + "/" + kPartial);
  return fsync_directory(folder);
}

/// Whether the journal is whole, tables and all. Nothing where it cannot even be asked.
bool is_whole(const std::string& folder, Verification& verification) {
  auto reader = JournalReader::open(folder);
  if (!reader) return false;
  auto answer = verify_journal(**reader);
  if (answer) verification = *answer;
  return answer && answer->whole;
}

/// Makes the result in `place`, whose journal.db must not be there, and proves it.
Result<Recovery> make(const RecoverOptions& options, const std::string& place, const std::string& aside,
                      const Clock& clock, const std::function<void(Sequence)>& progress) {
  const std::string scratch = place + "/scratch";
  remove_all(scratch);
  if (auto made = make_folder(scratch); !made) return made.error();
  RecoveredFact fact;
  fact.aside = aside;
  fact.reason = options.reason;
  fact.by = options.by;
  auto recovery = carry_over(options.folder, place, scratch, std::move(fact), clock, progress);
  remove_all(scratch);
  if (!recovery) return recovery.error();
  if (auto synced = fsync_file(place + "/" + kJournalFile); !synced) return synced.error();
  if (auto synced = fsync_directory(place); !synced) return synced.error();
  Verification verification;
  if (!is_whole(place, verification)) {
    return Error{ErrorKind::kInternal, "recovery-not-whole",
                 "the recovered journal does not verify (" + verification.reason +
                     "); nothing was changed: keep the damaged one, and go on from a backup"};
  }
  recovery->head = verification.head;
  return recovery;
}

Result<Recovery> recover_into(const RecoverOptions& options, const Clock& clock,
                              const std::function<void(Sequence)>& progress) {
  if (exists(options.into + "/" + kJournalFile)) {
    return Error{ErrorKind::kInvalid, "recover-exists",
                 options.into + " has a journal already; name a new folder"};
  }
  if (auto made = make_folder(options.into); !made) return made.error();
  auto recovery = make(options, options.into, "", clock, progress);
  if (!recovery) remove_all(options.into + "/" + kJournalFile);
  std::error_code ignored;  // whose journal it is; without the file the daemon writes it anew
  if (recovery) fs::copy_file(options.folder + "/store", options.into + "/store", ignored);
  return recovery;
}

}  // namespace

Result<Recovery> recover_journal(const RecoverOptions& options, const Clock& clock,
                                 const std::function<void(Sequence)>& progress) {
  const auto& folder = options.folder;
  if (const auto aside = read_mark(folder); exists(folder + "/" + kRecoveryMark)) {
    Recovery recovery;
    recovery.finished_earlier = true;
    recovery.aside = folder + "/" + aside;
    if (auto made = make_folder(recovery.aside); !made) return made.error();
    if (auto swapped = swap(folder, aside); !swapped) return swapped.error();
    Verification verification;
    if (is_whole(folder, verification)) recovery.head = verification.head;
    return recovery;
  }
  if (!exists(folder + "/" + kJournalFile))
    return Error{ErrorKind::kNotFound, "no-journal", "there is no journal in " + folder};
  Verification before;
  if (is_whole(folder, before)) {
    Recovery recovery;
    recovery.needed = false;
    recovery.head = before.head;
    return recovery;
  }
  if (!options.into.empty()) return recover_into(options, clock, progress);
  const std::string place = folder + "/" + kPartial;
  remove_all(place);
  if (auto made = make_folder(place); !made) return made.error();
  const auto aside = aside_name(folder, clock.utc_now());
  auto recovery = make(options, place, aside, clock, progress);
  if (!recovery) {
    remove_all(place);
    return recovery;
  }
  if (auto made = make_folder(folder + "/" + aside); !made) return made.error();
  if (auto marked = write_mark(folder, aside); !marked) return marked.error();
  if (auto swapped = swap(folder, aside); !swapped) return swapped.error();
  recovery->aside = folder + "/" + aside;
  return recovery;
}

}  // namespace tillsync
