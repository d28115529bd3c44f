// What the program asks of the machine that hosts it: the service manager (systemd, sd_notify(3)), the
// terminal, locks, disks, interrupts. No operating-system header comes with it; one .cpp per system
// implements it. Any thread, unless said otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace tillsync {

// --- how a program becomes a service

/// Runs `body` and returns what it returned. Where the service manager calls its programs (Windows), as the
/// service that it asked for: it is told of the start, and its stop is a SIGTERM of this process. Elsewhere,
/// and from a terminal, at once.
int run_hosted(const std::function<int()>& body);

enum class Notice { kInformation, kWarning, kError };
/// A line for whoever looks after the machine, where the service manager keeps a log of its own (Windows: the
/// event log) and this process is a service; else nothing, since standard error is kept.
void note_to_system_log(Notice notice, std::string_view text);

// --- the service manager. Without one (NOTIFY_SOCKET is not set) the notify functions do nothing and
// succeed; a failure to tell it is kUnavailable and no reason to stop.

/// READY=1: the service accepts.
Result<void> notify_ready();
/// STOPPING=1.
Result<void> notify_stopping();
/// STATUS=text, one line shown by `systemctl status`; line ends become blanks.
Result<void> notify_status(std::string_view text);
/// WATCHDOG=1: still alive.
Result<void> notify_watchdog();
/// How often notify_watchdog() is due: half of what the manager allows (WATCHDOG_USEC, for this process).
/// Nothing where it does not watch.
std::optional<std::chrono::milliseconds> watchdog_interval();

// --- the terminal

enum class Stream { kInput, kOutput, kError };
bool is_terminal(Stream stream);
/// Columns of the terminal on standard error or output; 80 where there is none.
std::size_t terminal_width();

// --- interrupts (SIGINT, SIGTERM), for commands that wait at a terminal

/// From now on an interrupt does not end the process but shows in interrupted(). Once, from the main thread.
void catch_interrupts();
bool interrupted();
/// Waits; returns early where an interrupt comes (after catch_interrupts()).
void wait_for(std::chrono::milliseconds time);

// --- the process and the disk

std::int64_t process_id();
/// The login name of the user who runs this: from the environment, else the system's; "uid N" for one without
/// a name.
std::string user_name();

/// Lets this process have `wanted` files and sockets open at once, or as many as it may; returns how many.
std::uint64_t raise_open_files_max(std::uint64_t wanted);

/// Files and folders that this process makes from now on are not readable by others (umask 0027): a journal
/// holds customers' data.
void keep_files_private();
/// Makes what was created, renamed or removed in the folder durable. kStorage.
Result<void> fsync_directory(const std::string& path);
/// Makes a file's content durable. kStorage.
Result<void> fsync_file(const std::string& path);
/// Bytes that this process may still write on the path's file system. kStorage.
Result<std::uint64_t> free_bytes(const std::string& path);

/// An exclusive lock on a file, held while the object lives and gone when the process ends, however it ends.
/// For one daemon a journal.
class FileLock {
 public:
  /// Creates the file where needed (mode 0640) and writes this process's id into it. kUnavailable "locked"
  /// where another holder has it, naming its process id if known; kStorage where the file cannot be made.
  static Result<FileLock> acquire(const std::string& path);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int handle) : handle_(handle) {}
  int handle_ = -1;
};

}  // namespace tillsync
