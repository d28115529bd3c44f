#include "platform/service/child_process.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "platform/base/random.h"
#include "platform/windows/command_line.h"
#include "platform/windows/handle.h"

namespace tillsync {
namespace {

constexpr DWORD kPipeBytes = 64 * 1024;
constexpr UINT kKilled = 0xE0000009;  ///< an exit status that no program gives itself

Error cannot_start(const std::vector<std::string>& argv, DWORD error) {
  return {
      ErrorKind::kUnavailable, "process",
      "cannot start " + (argv.empty() ? std::string("no program") : argv.front()) + ": " + words_for(error)};
}

Error ended() {
  return {ErrorKind::kUnavailable, "process-ended", "the process has ended, or closed its input or output"};
}

/// All children are in it, and end with the last handle of it: this process's own, however that ends.
HANDLE job_of_children() {
  static const HANDLE job = [] {
    const HANDLE made = ::CreateJobObjectW(nullptr, nullptr);
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    ::SetInformationJobObject(made, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    return made;
  }();
  return job;
}

/// Both ends of a pipe that goes both ways; `theirs` is inherited.
struct Pipe {
  Handle ours, theirs;

  static Pipe make() {
    static std::atomic<unsigned> count{0};
    SystemRandom random;
    const std::wstring name = wide(R"(\\.\pipe\tillsync-)" + std::to_string(::GetCurrentProcessId()) + "-" +
                                   std::to_string(++count) + "-" + std::to_string(random.next()));
    Pipe pipe;
    pipe.ours = Handle(::CreateNamedPipeW(
        name.c_str(), PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
        PIPE_TYPE_BYTE | PIPE_REJECT_REMOTE_CLIENTS, 1, kPipeBytes, kPipeBytes, 0, nullptr));
    if (!pipe.ours) return pipe;
    SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
    pipe.theirs = Handle(
        ::CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, &inherited, OPEN_EXISTING, 0, nullptr));
    return pipe;
  }
};

/// "NAME=value" each with its end, and one more. Without SystemRoot the system's own libraries do not load.
std::wstring environment_block(const std::vector<std::string>& environment) {
  std::wstring block;
  for (const std::string& entry : environment) (block += wide(entry)) += L'\0';
  (block += L"SystemRoot=" + wide(tillsync::environment(L"SystemRoot"))) += L'\0';
  return block += L'\0';
}

/// That the child gets these handles and no other that happens to be inheritable.
class HandleList {
 public:
  explicit HandleList(std::array<HANDLE, 2> handles) : handles_(handles) {
    SIZE_T bytes = 0;
    ::InitializeProcThreadAttributeList(nullptr, 1, 0, &bytes);
    memory_.resize(bytes);
    made_ = ::InitializeProcThreadAttributeList(get(), 1, 0, &bytes) != 0 &&
            ::UpdateProcThreadAttribute(get(), 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles_.data(),
                                        sizeof handles_, nullptr, nullptr) != 0;
  }
  ~HandleList() {
    if (made_) ::DeleteProcThreadAttributeList(get());
  }
  HandleList(const HandleList&) = delete;
  HandleList& operator=(const HandleList&) = delete;
  LPPROC_THREAD_ATTRIBUTE_LIST get() {
    return reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory_.data());
  }
  bool made() const { return made_; }

 private:
  std::array<HANDLE, 2> handles_;
  std::vector<char> memory_;
  bool made_ = false;
};

/// The process, or none with GetLastError().
Handle spawn(const std::vector<std::string>& argv, const std::vector<std::string>& environment, HANDLE pipe) {
  SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
  const Handle nowhere(::CreateFileW(L"NUL", GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited,
                                     OPEN_EXISTING, 0, nullptr));
  HandleList handles({pipe, nowhere.get()});
  if (!nowhere || !handles.made()) return Handle();
  STARTUPINFOEXW startup{};
  startup.StartupInfo.cb = sizeof startup;
  startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
  startup.StartupInfo.hStdInput = startup.StartupInfo.hStdOutput = pipe;
  startup.StartupInfo.hStdError = nowhere.get();
  startup.lpAttributeList = handles.get();
  std::wstring line = command_line(argv);
  std::wstring block = environment_block(environment);
  PROCESS_INFORMATION made{};
  // No console, so that no Ctrl-C reaches it; suspended until it is in the job.
  if (::CreateProcessW(wide(argv.front()).c_str(), line.data(), nullptr, nullptr, TRUE,
                       CREATE_SUSPENDED | CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP |
                           CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT,
                       block.data(), nullptr, &startup.StartupInfo, &made) == 0)
    return Handle();
  Handle process(made.hProcess);
  const Handle thread(made.hThread);
  if (::AssignProcessToJobObject(job_of_children(), process.get()) != 0 &&
      ::ResumeThread(thread.get()) != static_cast<DWORD>(-1))
    return process;
  const DWORD error = ::GetLastError();
  ::TerminateProcess(process.get(), kKilled);
  ::SetLastError(error);
  return Handle();
}

}  // namespace

struct ChildProcess::Impl {
  Handle pipe, process;
  // One may send while another receives.
  Handle sending{::CreateEventW(nullptr, TRUE, FALSE, nullptr)};
  Handle receiving{::CreateEventW(nullptr, TRUE, FALSE, nullptr)};
  Handle interrupted{::CreateEventW(nullptr, TRUE, FALSE, nullptr)};

  /// How many bytes one transfer took, which `begin` begins and `finished` is set by.
  template <class Begin>
  Result<DWORD> transfer(const Handle& finished, Deadline deadline, Begin begin) {
    if (!pipe || ::WaitForSingleObject(interrupted.get(), 0) == WAIT_OBJECT_0) return ended();
    OVERLAPPED state{};
    state.hEvent = finished.get();
    DWORD bytes = 0;
    if (!begin(&state)) {
      if (::GetLastError() != ERROR_IO_PENDING) return ended();
      const std::array<HANDLE, 2> waited{finished.get(), interrupted.get()};
      DWORD woken = WAIT_TIMEOUT;
      while (woken == WAIT_TIMEOUT) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
        if (left <= 0) break;
        woken = ::WaitForMultipleObjects(2, waited.data(), FALSE,
                                         static_cast<DWORD>(std::min<std::int64_t>(left, 60'000)));
      }
      // The transfer must have ended before its state goes, whether it was in time or not.
      if (woken != WAIT_OBJECT_0) ::CancelIoEx(pipe.get(), &state);
      const bool done = ::GetOverlappedResult(pipe.get(), &state, &bytes, TRUE) != 0;
      if (woken == WAIT_TIMEOUT)
        return Error{ErrorKind::kTimeout, "process-timeout", "the process did not go on in time"};
      if (!done || woken != WAIT_OBJECT_0) return ended();
    } else if (::GetOverlappedResult(pipe.get(), &state, &bytes, TRUE) == 0) {
      return ended();
    }
    if (bytes == 0) return ended();
    return bytes;
  }
};

// A running program's file cannot be replaced on this system.
std::string own_program() {
  return narrow(own_path());
}

std::string program_file() {
  return own_program();
}

Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& argv,
                                         const std::vector<std::string>& environment) {
  if (argv.empty()) return cannot_start(argv, ERROR_INVALID_PARAMETER);
  Pipe pipe = Pipe::make();
  if (!pipe.theirs) return cannot_start(argv, ::GetLastError());
  auto impl = std::make_unique<Impl>();
  impl->process = spawn(argv, environment, pipe.theirs.get());
  if (!impl->process) return cannot_start(argv, ::GetLastError());
  impl->pipe = std::move(pipe.ours);
  return ChildProcess(std::move(impl));
}

ChildProcess::ChildProcess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ChildProcess::~ChildProcess() {
  end();
}
ChildProcess::ChildProcess(ChildProcess&& other) noexcept = default;
ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

Result<void> ChildProcess::send(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    if (impl_ == nullptr) return ended();
    const auto sent = impl_->transfer(impl_->sending, deadline, [&](OVERLAPPED* state) {
      const auto size = static_cast<DWORD>(std::min<std::size_t>(bytes.size(), kPipeBytes));
      return ::WriteFile(impl_->pipe.get(), bytes.data(), size, nullptr, state) != 0;
    });
    if (!sent) return sent.error();
    bytes.remove_prefix(*sent);
  }
  return ok();
}

Result<void> ChildProcess::receive(char* into, std::size_t bytes, Deadline deadline) {
  while (bytes > 0) {
    if (impl_ == nullptr) return ended();
    const auto came = impl_->transfer(impl_->receiving, deadline, [&](OVERLAPPED* state) {
      const auto size = static_cast<DWORD>(std::min<std::size_t>(bytes, kPipeBytes));
      return ::ReadFile(impl_->pipe.get(), into, size, nullptr, state) != 0;
    });
    if (!came) return came.error();
    into += *came;
    bytes -= *came;
  }
  return ok();
}

bool ChildProcess::is_quiet() const {
  DWORD waiting = 0;
  return impl_ != nullptr && impl_->pipe &&
         ::PeekNamedPipe(impl_->pipe.get(), nullptr, 0, nullptr, &waiting, nullptr) != 0 && waiting == 0;
}

void ChildProcess::interrupt() {
  if (impl_ != nullptr) ::SetEvent(impl_->interrupted.get());
}

std::string ChildProcess::end() {
  if (impl_ == nullptr || !impl_->process) return {};
  // Where it has ended by itself this changes nothing: its exit status stays.
  ::TerminateProcess(impl_->process.get(), kKilled);
  ::WaitForSingleObject(impl_->process.get(), INFINITE);
  DWORD status = 0;
  ::GetExitCodeProcess(impl_->process.get(), &status);
  impl_->process = Handle();
  impl_->pipe = Handle();
  return status == kKilled ? "killed" : "exit status " + std::to_string(status);
}

}  // namespace tillsync
