#include "platform/service/service_host.h"

#include <fcntl.h>
#include <io.h>
#include <windows.h>
// After windows.h, whose types it uses.
#include <lmcons.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>

#include <messages.h>  // made of messages.mc
#include "platform/service/service_manager.h"
#include "platform/windows/file_facts.h"
#include "platform/windows/handle.h"

namespace tillsync {
namespace {

constexpr DWORD kHint_ms = 30'000;      ///< until the next word to the service manager
constexpr DWORD kStartBeat_ms = 5'000;  ///< a start that goes on says so
constexpr int kStartBeatsMax = 720;     ///< for an hour: a journal that is made anew takes its time

Error storage(const std::string& what, const std::string& path) {
  return {ErrorKind::kStorage, "file",
          what + " " + path + ": " + words_for(::GetLastError()) + "; check the path and the rights on it"};
}

/// Before main(): no file and no standard stream changes a line's end on its way, and a terminal takes UTF-8.
struct AsElsewhere {
  AsElsewhere() {
    _fmode = _O_BINARY;
    for (const int descriptor : {0, 1, 2}) ::_setmode(descriptor, _O_BINARY);
    ::SetConsoleOutputCP(CP_UTF8);
  }
};
const AsElsewhere as_elsewhere;

/// This process as the service manager's service; never destroyed, since its threads may outlive main().
struct Service {
  std::mutex mutex;
  SERVICE_STATUS_HANDLE handle = nullptr;  ///< none where this is no service
  SERVICE_STATUS status{};
  HANDLE event_log = nullptr;
  HANDLE started = nullptr;  ///< set once it is not starting any more
  const std::function<int()>* body = nullptr;
  int result = 0;
};

Service& service() {
  static Service* const instance = new Service;
  return *instance;
}

/// Tells the service manager; `state` other than the one before begins counting anew.
Result<void> tell(DWORD state) {
  Service& self = service();
  const std::lock_guard lock(self.mutex);
  if (self.handle == nullptr) return ok();
  const bool pending = state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING;
  self.status.dwCheckPoint =
      pending ? (self.status.dwCurrentState == state ? self.status.dwCheckPoint + 1 : 1) : 0;
  self.status.dwWaitHint = pending ? kHint_ms : 0;
  self.status.dwCurrentState = state;
  self.status.dwControlsAccepted = state == SERVICE_RUNNING
                                       ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN |
                                             SERVICE_ACCEPT_PRESHUTDOWN | SERVICE_ACCEPT_PARAMCHANGE
                                       : 0;
  if (state != SERVICE_START_PENDING) ::SetEvent(self.started);
  if (::SetServiceStatus(self.handle, &self.status) != 0) return ok();
  return Error{ErrorKind::kUnavailable, "service-manager",
               "the service manager was not told: " + words_for(::GetLastError())};
}

// On a thread of the dispatcher. raise(3) calls what the event loop has set; it returns at once.
DWORD WINAPI on_control(DWORD control, DWORD, void*, void*) {
  switch (control) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
    case SERVICE_CONTROL_PRESHUTDOWN:
      static_cast<void>(tell(SERVICE_STOP_PENDING));
      std::raise(SIGTERM);
      return NO_ERROR;
    case SERVICE_CONTROL_PARAMCHANGE:
      std::raise(SIGBREAK);
      return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
      return NO_ERROR;
    default:
      return ERROR_CALL_NOT_IMPLEMENTED;
  }
}

DWORD WINAPI beat_while_starting(void*) {
  for (int beat = 0; beat < kStartBeatsMax; ++beat) {
    if (::WaitForSingleObject(service().started, kStartBeat_ms) != WAIT_TIMEOUT) break;
    static_cast<void>(tell(SERVICE_START_PENDING));
  }
  return 0;
}

void WINAPI service_main(DWORD, LPWSTR*) {
  Service& self = service();
  const std::wstring name = wide(kServiceName);
  self.started = ::CreateEventW(nullptr, TRUE, FALSE, nullptr);
  self.event_log = ::RegisterEventSourceW(nullptr, name.c_str());
  self.status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
  self.handle = ::RegisterServiceCtrlHandlerExW(name.c_str(), on_control, nullptr);
  static_cast<void>(tell(SERVICE_START_PENDING));
  const Handle beating(::CreateThread(nullptr, 0, beat_while_starting, nullptr, 0, nullptr));
  self.result = (*self.body)();
  if (self.result != 0) {
    // Not 0, so that the recovery actions apply to a start that failed as well.
    self.status.dwWin32ExitCode = ERROR_SERVICE_SPECIFIC_ERROR;
    self.status.dwServiceSpecificExitCode = static_cast<DWORD>(self.result);
  }
  static_cast<void>(tell(SERVICE_STOPPED));
}

std::optional<std::int64_t> holder_of(HANDLE file) {
  char text[32] = {};
  OVERLAPPED from{};
  DWORD bytes = 0;
  if (::ReadFile(file, text, sizeof text - 1, &bytes, &from) == 0) return std::nullopt;
  const std::int64_t id = std::strtoll(text, nullptr, 10);
  return id > 0 ? std::optional(id) : std::nullopt;
}

HANDLE standard_handle(Stream stream) {
  return ::GetStdHandle(stream == Stream::kInput    ? STD_INPUT_HANDLE
                        : stream == Stream::kOutput ? STD_OUTPUT_HANDLE
                                                    : STD_ERROR_HANDLE);
}

// Never closed: the handler may be called as long as the process lives.
HANDLE interrupt_event() {
  static const HANDLE event = ::CreateEventW(nullptr, TRUE, FALSE, nullptr);
  return event;
}

BOOL WINAPI on_console_interrupt(DWORD) {
  ::SetEvent(interrupt_event());
  return TRUE;
}

}  // namespace

int run_hosted(const std::function<int()>& body) {
  Service& self = service();
  self.body = &body;
  std::wstring name = wide(kServiceName);
  const SERVICE_TABLE_ENTRYW table[] = {{name.data(), service_main}, {nullptr, nullptr}};
  if (::StartServiceCtrlDispatcherW(table) != 0) return self.result;
  self.body = nullptr;
  return body();
}

void note_to_system_log(Notice notice, std::string_view text) {
  const HANDLE log = service().event_log;
  if (log == nullptr) return;
  const std::wstring line = wide(text.substr(0, 8'000));
  const wchar_t* lines[] = {line.c_str()};
  switch (notice) {
    case Notice::kInformation:
      ::ReportEventW(log, EVENTLOG_INFORMATION_TYPE, 0, TILLSYNC_NOTE, nullptr, 1, 0, lines, nullptr);
      break;
    case Notice::kWarning:
      ::ReportEventW(log, EVENTLOG_WARNING_TYPE, 0, TILLSYNC_NOTE_WARNING, nullptr, 1, 0, lines, nullptr);
      break;
    case Notice::kError:
      ::ReportEventW(log, EVENTLOG_ERROR_TYPE, 0, TILLSYNC_NOTE_ERROR, nullptr, 1, 0, lines, nullptr);
      break;
  }
}

Result<void> notify_ready() {
  return tell(SERVICE_RUNNING);
}
Result<void> notify_stopping() {
  return tell(SERVICE_STOP_PENDING);
}
// The Windows service manager shows no text, and has no watchdog.
Result<void> notify_status(std::string_view) {
  return ok();
}
Result<void> notify_watchdog() {
  return ok();
}
std::optional<std::chrono::milliseconds> watchdog_interval() {
  return std::nullopt;
}

bool is_terminal(Stream stream) {
  DWORD mode = 0;
  return ::GetConsoleMode(standard_handle(stream), &mode) != 0;
}

std::size_t terminal_width() {
  constexpr std::size_t kUsual = 80;
  for (const Stream stream : {Stream::kError, Stream::kOutput}) {
    CONSOLE_SCREEN_BUFFER_INFO info{};
    if (::GetConsoleScreenBufferInfo(standard_handle(stream), &info) != 0)
      return static_cast<std::size_t>(std::max(1, info.srWindow.Right - info.srWindow.Left + 1));
  }
  return kUsual;
}

void catch_interrupts() {
  ::SetConsoleCtrlHandler(on_console_interrupt, TRUE);
}
bool interrupted() {
  return ::WaitForSingleObject(interrupt_event(), 0) == WAIT_OBJECT_0;
}
void wait_for(std::chrono::milliseconds time) {
  constexpr std::int64_t kWaitMax_ms = 24 * 3'600'000;
  ::WaitForSingleObject(interrupt_event(),
                        static_cast<DWORD>(std::clamp<std::int64_t>(time.count(), 0, kWaitMax_ms)));
}

std::int64_t process_id() {
  return ::GetCurrentProcessId();
}

std::string user_name() {
  wchar_t name[UNLEN + 1];
  DWORD size = UNLEN + 1;
  if (::GetUserNameW(name, &size) != 0 && size > 1) return narrow(std::wstring_view(name, size - 1));
  return "unknown";
}

// Sockets and handles are bounded by memory alone here.
std::uint64_t raise_open_files_max(std::uint64_t wanted) {
  return wanted;
}

// What this process makes has its folder's rights, which are the service's and the administrators' alone
// (install_service).
void keep_files_private() {}

// NTFS has its own log for names, in order, and makes no promise to a program for one folder. Flushing is
// asked for where the folder may be opened for it; that it is there is told in any case.
Result<void> fsync_directory(const std::string& path) {
  const auto facts = facts_of(path, Links::kFollowed);
  if (!facts) return storage("cannot open the folder", path);
  if (!facts->is_folder) {
    ::SetLastError(ERROR_DIRECTORY);
    return storage("cannot open the folder", path);
  }
  const Handle folder(::CreateFileW(wide(path).c_str(), GENERIC_WRITE,
                                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                    OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr));
  if (folder) static_cast<void>(::FlushFileBuffers(folder.get()));
  return ok();
}

Result<void> fsync_file(const std::string& path) {
  const Handle file(::CreateFileW(wide(path).c_str(), GENERIC_WRITE,
                                  FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                  OPEN_EXISTING, 0, nullptr));
  if (!file) return storage("cannot open", path);
  if (::FlushFileBuffers(file.get()) == 0) return storage("cannot make durable", path);
  return ok();
}

Result<std::uint64_t> free_bytes(const std::string& path) {
  ULARGE_INTEGER ours{};
  // Wants a folder; of a file, its own.
  const auto facts = facts_of(path, Links::kFollowed);
  if (!facts) return storage("cannot read the free space at", path);
  const auto slash = path.find_last_of("/\\");
  const std::string folder = facts->is_folder             ? path
                             : slash == std::string::npos ? "."
                                                          : path.substr(0, slash + 1);
  if (::GetDiskFreeSpaceExW(wide(folder).c_str(), &ours, nullptr, nullptr) == 0)
    return storage("cannot read the free space at", path);
  return ours.QuadPart;
}

Result<FileLock> FileLock::acquire(const std::string& path) {
  Handle file(::CreateFileW(wide(path).c_str(), GENERIC_READ | GENERIC_WRITE,
                            FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_ALWAYS,
                            FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
  if (!file) return storage("cannot open the lock file", path);
  // A byte far behind the content, so that whoever is refused can read whom it is held by.
  OVERLAPPED place{};
  place.OffsetHigh = 0x40000000;
  if (::LockFileEx(file.get(), LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &place) == 0) {
    if (::GetLastError() != ERROR_LOCK_VIOLATION && ::GetLastError() != ERROR_IO_PENDING)
      return storage("cannot lock", path);
    const auto holder = holder_of(file.get());
    return Error{ErrorKind::kUnavailable, "locked",
                 path + " is held by " + (holder ? "process " + std::to_string(*holder) : "another process") +
                     "; stop that one first, or give this one a folder of its own"};
  }
  const std::string pid = std::to_string(process_id()) + "\n";
  OVERLAPPED from{};
  DWORD written = 0;
  LARGE_INTEGER end;
  end.QuadPart = static_cast<LONGLONG>(pid.size());
  if (::WriteFile(file.get(), pid.data(), static_cast<DWORD>(pid.size()), &written, &from) == 0 ||
      ::SetFilePointerEx(file.get(), end, nullptr, FILE_BEGIN) == 0 || ::SetEndOfFile(file.get()) == 0)
    return storage("cannot write the lock file", path);
  // A handle has 32 significant bits on this system, so that 32-bit programs can share it.
  return FileLock(static_cast<int>(reinterpret_cast<std::intptr_t>(file.release())));
}

namespace {

void close_lock(int handle) {
  if (handle >= 0) ::CloseHandle(reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(handle)));
}

}  // namespace

FileLock::~FileLock() {
  close_lock(handle_);
}
FileLock::FileLock(FileLock&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

}  // namespace tillsync
