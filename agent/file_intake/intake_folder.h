// One watched folder: which of its files are whole, what becomes of each, where it goes. Plain and
// single-threaded; FileIntake puts it on a thread. DESIGN.md tells the rules.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "agent/file_intake/file_reader.h"
#include "agent/file_intake/intake_counts.h"
#include "platform/service/drop_folder.h"

namespace tillsync {

struct IntakeLimits {
  std::uint64_t file_bytes_max = 64 * 1024 * 1024;
  /// Looked at in one scan, the first by name; those behind them come when these are gone.
  std::size_t files_max = 100'000;
  /// An empty file is most likely one that is about to be written.
  std::chrono::milliseconds empty_settle{60'000};
  /// After the disk was full or the journal could not take more.
  std::chrono::milliseconds held_retry{5'000};
  /// What is kept for files that cannot be moved; one whose verdict finds no room is read again each time.
  std::size_t verdicts_bytes_max = 16 * 1024 * 1024;
  std::size_t told_max = 10'000;  ///< names that the log was told of once; with more it is told again
  DocumentSinkLimits sink{};
};

class IntakeFolder {
 public:
  struct Parts {
    std::string name;  ///< the intake's, for the log
    const IntakeSettings& settings;
    JournalThread& journal;
    StoreDefaults store;
    TimeZone zone;
    std::function<bool()> disk_has_room;
    const Clock& clock;
    const std::atomic<bool>& stopping;
    std::function<void(const IntakeCounts&)> on_counts;  ///< after each file, and each scan
  };
  explicit IntakeFolder(Parts parts, IntakeLimits limits = {}) : parts_(std::move(parts)), limits_(limits) {}

  /// Looks once, and takes every file that is whole, by name. When to look again, at the latest.
  SteadyTime scan();
  const IntakeCounts& counts() const { return counts_; }

 private:
  /// Where a file that was read goes, and what is written beside it.
  struct Verdict {
    bool rejected = false;
    std::string side_suffix;
    std::string side_text;  ///< "" for none
  };
  struct Seen {
    FileMark mark;
    SteadyTime since;                ///< the mark is the same
    std::optional<Verdict> verdict;  ///< its documents are settled, only the move did not work
  };
  enum class Next { kGoOn, kHold };

  std::optional<DropListing> list();
  void tell_others(const DropListing& listing);
  Next take(const DropFile& file, Seen& seen);
  std::optional<Result<FileReport>> read(const DropFile& file, Seen& seen);
  Verdict verdict_of(const DropFile& file, const FileReport& report);
  Result<void> move(const DropFile& file, const Verdict& verdict);
  static std::size_t bytes_of(const Verdict& verdict) { return sizeof verdict + verdict.side_text.size(); }
  void hold(const Error& error);
  bool told(const std::string& name, const std::string& what);
  std::string path(const std::string& name) const { return parts_.settings.folder + "/" + name; }
  void publish() const;

  const Parts parts_;
  const IntakeLimits limits_;
  std::map<std::string, Seen> seen_;
  std::set<std::string> told_;      ///< what and name
  std::size_t verdicts_bytes_ = 0;  ///< of all in seen_
  std::string folder_fault_;        ///< code of what the log was told last; "" while the folder is well
  std::string held_by_;             ///< likewise of what holds all files back
  IntakeCounts counts_;
};

/// Names of files that nobody has finished: beginning with '.', ending in .tmp or .part.
bool is_unfinished_name(std::string_view name);

}  // namespace tillsync
