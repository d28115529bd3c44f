#include "platform/service/service_manager.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "platform/windows/access_rights.h"
#include "platform/windows/command_line.h"
#include "platform/windows/handle.h"

namespace tillsync {
namespace {

constexpr const wchar_t* kName = L"tillsync";
constexpr const wchar_t* kDisplayName = L"tillsync";
constexpr const wchar_t* kDescription =
    L"Keeps this store's sales, returns, stock and customer changes in a durable journal and replays them to "
    L"the "
    L"central systems. Tills cannot post while it is stopped.";
/// An account of its own that needs no password and has no rights but those that are given to it.
constexpr const wchar_t* kAccount = L"NT SERVICE\\tillsync";
constexpr const wchar_t* kEventSource =
    L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\tillsync";
constexpr DWORD kPreshutdown_ms = 30'000;
constexpr DWORD kFailuresForgotten_s = 24 * 3600;
constexpr std::chrono::milliseconds kStopPatience{60'000};

/// Closes a handle of the service manager.
class ScHandle {
 public:
  explicit ScHandle(SC_HANDLE value) : value_(value) {}
  ~ScHandle() {
    if (value_ != nullptr) ::CloseServiceHandle(value_);
  }
  ScHandle(const ScHandle&) = delete;
  ScHandle& operator=(const ScHandle&) = delete;
  explicit operator bool() const { return value_ != nullptr; }
  SC_HANDLE get() const { return value_; }

 private:
  SC_HANDLE value_;
};

Error failed(const std::string& what, DWORD error) {
  if (error == ERROR_ACCESS_DENIED) {
    return {ErrorKind::kUnavailable, "not-administrator",
            what + " needs an administrator: run this from an elevated command prompt"};
  }
  if (error == ERROR_SERVICE_DOES_NOT_EXIST) {
    return {ErrorKind::kNotFound, "service",
            "there is no service tillsync on this machine; `tillsync service install` makes it"};
  }
  return {ErrorKind::kUnavailable, "service-manager", what + ": " + words_for(error)};
}

SERVICE_STATUS_PROCESS status_of(SC_HANDLE service) {
  SERVICE_STATUS_PROCESS status{};
  DWORD bytes = 0;
  ::QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, reinterpret_cast<BYTE*>(&status), sizeof status,
                         &bytes);
  return status;
}

/// Looks until `done` says so. False where it does not in time.
template <class Done>
bool wait_until(SC_HANDLE service, std::chrono::milliseconds patience, Done done) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!done(status_of(service))) {
    if (std::chrono::steady_clock::now() >= end) return false;
    ::Sleep(100);
  }
  return true;
}

/// The service manager forgets that a process has died under wine, and for a moment elsewhere.
bool is_alive(DWORD process) {
  const Handle opened(::OpenProcess(SYNCHRONIZE, FALSE, process));
  return opened ? ::WaitForSingleObject(opened.get(), 0) == WAIT_TIMEOUT
                : ::GetLastError() == ERROR_ACCESS_DENIED;
}

Result<void> stop(SC_HANDLE service, std::chrono::milliseconds patience) {
  const auto stopped = [](const SERVICE_STATUS_PROCESS& status) {
    return status.dwCurrentState == SERVICE_STOPPED ||
           (status.dwProcessId != 0 && !is_alive(status.dwProcessId));
  };
  if (stopped(status_of(service))) return ok();
  SERVICE_STATUS ignored{};
  if (::ControlService(service, SERVICE_CONTROL_STOP, &ignored) == 0) {
    const DWORD error = ::GetLastError();
    // Under way already, or just ended.
    if (error != ERROR_SERVICE_NOT_ACTIVE && error != ERROR_SERVICE_CANNOT_ACCEPT_CTRL)
      return failed("stopping the service", error);
  }
  if (wait_until(service, patience, stopped)) return ok();
  return Error{ErrorKind::kTimeout, "service", "the service tillsync did not stop in time; see its log"};
}

/// Restart after a second, ten, and then every minute: each failure is told in the event log, and a machine
/// whose disk is away comes back by itself once it is there.
bool set_recovery(SC_HANDLE service) {
  SC_ACTION steps[] = {{SC_ACTION_RESTART, 1'000}, {SC_ACTION_RESTART, 10'000}, {SC_ACTION_RESTART, 60'000}};
  SERVICE_FAILURE_ACTIONSW actions{};
  actions.dwResetPeriod = kFailuresForgotten_s;
  actions.cActions = 3;
  actions.lpsaActions = steps;
  SERVICE_FAILURE_ACTIONS_FLAG also_errors{TRUE};
  return ::ChangeServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS, &actions) != 0 &&
         ::ChangeServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &also_errors) != 0;
}

/// What the service has beside its name. What an older system (or wine) does not know is said and goes on.
void set_details(SC_HANDLE service, std::vector<std::string>& done) {
  std::wstring text = kDescription;
  SERVICE_DESCRIPTIONW description{text.data()};
  ::ChangeServiceConfig2W(service, SERVICE_CONFIG_DESCRIPTION, &description);
  SERVICE_DELAYED_AUTO_START_INFO delayed{TRUE};
  if (::ChangeServiceConfig2W(service, SERVICE_CONFIG_DELAYED_AUTO_START_INFO, &delayed) == 0)
    done.push_back("This system cannot start it delayed (" + words_for(::GetLastError()) +
                   "): it starts with the others.");
  if (!set_recovery(service))
    done.push_back("This system took no recovery actions (" + words_for(::GetLastError()) + ").");
  SERVICE_PRESHUTDOWN_INFO preshutdown{kPreshutdown_ms};
  ::ChangeServiceConfig2W(service, SERVICE_CONFIG_PRESHUTDOWN_INFO, &preshutdown);
  SERVICE_SID_INFO sid{SERVICE_SID_TYPE_UNRESTRICTED};
  ::ChangeServiceConfig2W(service, SERVICE_CONFIG_SERVICE_SID_INFO, &sid);
  // No privilege but to pass through folders, which every account has.
  wchar_t privileges[] = L"SeChangeNotifyPrivilege\0";
  SERVICE_REQUIRED_PRIVILEGES_INFOW required{privileges};
  ::ChangeServiceConfig2W(service, SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, &required);
}

/// So that the event viewer finds the messages in the program.
bool register_event_source(const std::wstring& program) {
  HKEY key = nullptr;
  if (::RegCreateKeyExW(HKEY_LOCAL_MACHINE, kEventSource, 0, nullptr, 0, KEY_SET_VALUE, nullptr, &key,
                        nullptr) != 0)
    return false;
  const DWORD types = EVENTLOG_INFORMATION_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_ERROR_TYPE;
  const bool set = ::RegSetValueExW(key, L"EventMessageFile", 0, REG_EXPAND_SZ,
                                    reinterpret_cast<const BYTE*>(program.c_str()),
                                    static_cast<DWORD>((program.size() + 1) * sizeof(wchar_t))) == 0 &&
                   ::RegSetValueExW(key, L"TypesSupported", 0, REG_DWORD,
                                    reinterpret_cast<const BYTE*>(&types), sizeof types) == 0;
  ::RegCloseKey(key);
  return set;
}

std::wstring backslashes(std::wstring path) {
  std::replace(path.begin(), path.end(), L'/', L'\\');
  return path;
}

Error storage(const std::string& what, const std::string& why) {
  return {ErrorKind::kStorage, "storage-failed", what + ": " + why};
}

/// Folders, settings, and who may do what with them.
Result<void> prepare_files(const ServiceInstall& install, std::vector<std::string>& done) {
  namespace fs = std::filesystem;
  std::error_code failed;
  const fs::path settings = fs::path(wide(install.settings_file));
  const fs::path data = fs::path(wide(install.data_folder));
  for (const fs::path& folder : {settings.parent_path(), data}) {
    if (fs::create_directories(folder, failed))
      done.push_back("Made the folder " + narrow(folder.native()) + ".");
    if (failed) return storage("cannot make the folder " + narrow(folder.native()), failed.message());
  }
  if (!fs::exists(settings, failed)) {
    std::ofstream out(settings, std::ios::binary);
    out << install.settings_text;
    if (!out.flush())
      return storage("cannot write " + install.settings_file, "check the disk and the rights");
    done.push_back("Wrote the settings to " + install.settings_file + ".");
  }
  // Secrets may lie beside the settings: nobody but administrators and the service looks there.
  if (auto set = protect_folder(install.settings_file.substr(0, install.settings_file.find_last_of("/\\")),
                                Rights::kRead);
      !set)
    return set;
  return protect_folder(install.data_folder, Rights::kChange);
}

}  // namespace

Result<std::vector<std::string>> install_service(const ServiceInstall& install) {
  const ScHandle manager(::OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE));
  if (!manager) return failed("installing a service", ::GetLastError());
  std::vector<std::string> done;
  const std::wstring program = backslashes(wide(install.program));
  const std::wstring line =
      command_line({narrow(program), "run", "--config", narrow(backslashes(wide(install.settings_file)))});
  ScHandle opened(::OpenServiceW(manager.get(), kName, SERVICE_ALL_ACCESS));
  if (opened) {
    if (::ChangeServiceConfigW(opened.get(), SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START,
                               SERVICE_ERROR_NORMAL, line.c_str(), nullptr, nullptr, nullptr, nullptr,
                               nullptr, kDisplayName) == 0)
      return failed("changing the service", ::GetLastError());
    set_details(opened.get(), done);
  } else {
    if (::GetLastError() != ERROR_SERVICE_DOES_NOT_EXIST)
      return failed("opening the service", ::GetLastError());
    const auto create = [&](const wchar_t* account) {
      return ::CreateServiceW(manager.get(), kName, kDisplayName, SERVICE_ALL_ACCESS,
                              SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START, SERVICE_ERROR_NORMAL,
                              line.c_str(), nullptr, nullptr, L"Tcpip\0", account, nullptr);
    };
    const ScHandle made(create(kAccount));
    if (!made) return failed("installing the service", ::GetLastError());
    set_details(made.get(), done);
    done.insert(done.begin(),
                "Installed the service tillsync: it starts with the machine, as " + narrow(kAccount) + ".");
  }
  if (!register_event_source(program)) done.push_back("The event log's source could not be registered.");
  // After the service: its account is there only from now on.
  if (auto prepared = prepare_files(install, done); !prepared) return prepared.error();
  return done;
}

Result<std::vector<std::string>> uninstall_service(std::chrono::milliseconds patience) {
  const ScHandle manager(::OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT));
  if (!manager) return failed("removing a service", ::GetLastError());
  const ScHandle service(::OpenServiceW(manager.get(), kName, SERVICE_STOP | SERVICE_QUERY_STATUS | DELETE));
  if (!service) {
    if (::GetLastError() == ERROR_SERVICE_DOES_NOT_EXIST) return std::vector<std::string>{};
    return failed("removing the service", ::GetLastError());
  }
  if (auto stopped = stop(service.get(), patience); !stopped) return stopped.error();
  if (::DeleteService(service.get()) == 0 && ::GetLastError() != ERROR_SERVICE_MARKED_FOR_DELETE)
    return failed("removing the service", ::GetLastError());
  ::RegDeleteKeyW(HKEY_LOCAL_MACHINE, kEventSource);
  return std::vector<std::string>{
      "Stopped and removed the service tillsync; settings, data and program stay."};
}

Result<void> start_service(std::chrono::milliseconds patience) {
  const ScHandle manager(::OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT));
  if (!manager) return failed("starting a service", ::GetLastError());
  const ScHandle service(::OpenServiceW(manager.get(), kName, SERVICE_START | SERVICE_QUERY_STATUS));
  if (!service) return failed("starting the service", ::GetLastError());
  if (::StartServiceW(service.get(), 0, nullptr) == 0 && ::GetLastError() != ERROR_SERVICE_ALREADY_RUNNING)
    return failed("starting the service", ::GetLastError());
  const auto settled = [](const SERVICE_STATUS_PROCESS& status) {
    return status.dwCurrentState == SERVICE_RUNNING || status.dwCurrentState == SERVICE_STOPPED;
  };
  if (!wait_until(service.get(), patience, settled))
    return Error{ErrorKind::kTimeout, "service", "the service tillsync did not start in time; see its log"};
  const auto status = status_of(service.get());
  if (status.dwCurrentState == SERVICE_RUNNING) return ok();
  return Error{ErrorKind::kUnavailable, "service",
               "the service tillsync ended at its start, with exit status " +
                   std::to_string(status.dwWin32ExitCode == ERROR_SERVICE_SPECIFIC_ERROR
                                      ? status.dwServiceSpecificExitCode
                                      : status.dwWin32ExitCode) +
                   ": the Application event log and its log file say why, `tillsync check` too"};
}

Result<void> stop_service(std::chrono::milliseconds patience) {
  const ScHandle manager(::OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT));
  if (!manager) return failed("stopping a service", ::GetLastError());
  const ScHandle service(::OpenServiceW(manager.get(), kName, SERVICE_STOP | SERVICE_QUERY_STATUS));
  if (!service) return failed("stopping the service", ::GetLastError());
  return stop(service.get(), patience);
}

Result<ServiceStatus> service_status() {
  const ScHandle manager(::OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT));
  if (!manager) return failed("looking at a service", ::GetLastError());
  const ScHandle service(::OpenServiceW(manager.get(), kName, SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG));
  ServiceStatus status;
  if (!service) {
    if (::GetLastError() == ERROR_SERVICE_DOES_NOT_EXIST) return status;
    return failed("looking at the service", ::GetLastError());
  }
  const auto now = status_of(service.get());
  switch (now.dwCurrentState) {
    case SERVICE_RUNNING:
      status.state = is_alive(now.dwProcessId) ? ServiceState::kRunning : ServiceState::kFailed;
      break;
    case SERVICE_START_PENDING:
      status.state = ServiceState::kStarting;
      break;
    case SERVICE_STOP_PENDING:
      status.state = ServiceState::kStopping;
      break;
    default:
      status.state = now.dwWin32ExitCode == 0 || now.dwWin32ExitCode == ERROR_SERVICE_NEVER_STARTED
                         ? ServiceState::kStopped
                         : ServiceState::kFailed;
  }
  if (status.state == ServiceState::kRunning || status.state == ServiceState::kStopping)
    status.process_id = now.dwProcessId;
  DWORD bytes = 0;
  ::QueryServiceConfigW(service.get(), nullptr, 0, &bytes);
  std::vector<char> memory(bytes);
  auto* const config = reinterpret_cast<QUERY_SERVICE_CONFIGW*>(memory.data());
  if (::QueryServiceConfigW(service.get(), config, bytes, &bytes) != 0) {
    status.starts_with_machine = config->dwStartType == SERVICE_AUTO_START;
    status.detail = narrow(config->lpBinaryPathName) + " as " + narrow(config->lpServiceStartName);
  }
  return status;
}

}  // namespace tillsync
