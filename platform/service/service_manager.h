// The daemon as a service of the machine: made known to the system's service manager (systemd, the Windows
// SCM), started, stopped, looked at. For the command line; the daemon's own side of it is service_host.h. No
// operating-system header comes with it; one .cpp per system implements it. One service a machine, named
// `tillsync`. Everything but service_status() needs an administrator.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"

namespace tillsync {

inline constexpr const char* kServiceName = "tillsync";

struct ServiceInstall {
  std::string program;        ///< absolute; the service runs `PROGRAM run --config SETTINGS_FILE`
  std::string settings_file;  ///< absolute
  std::string settings_text;  ///< written there where there is no such file yet
  std::string data_folder;    ///< absolute, the journal's; made, and the service's alone to write
};

/// Makes user, folders and settings where they are missing, and has the service start with the machine; it is
/// not started now. Safe to repeat: what is there stays (settings and data always), a service that names
/// another program or settings file is changed. Returns what it did, a sentence each, for a person; none
/// where all was there. kUnavailable: no right to (`not-administrator`), no service manager
/// (`no-service-manager`), or what that said; kInvalid: the service could not reach program or settings where
/// they lie, or a package has installed it (`service`); kStorage.
Result<std::vector<std::string>> install_service(const ServiceInstall& install);

/// Stops the service and takes it from the service manager; settings, data and program stay. Returns what it
/// did; none where there was none. Errors as above.
Result<std::vector<std::string>> uninstall_service(std::chrono::milliseconds patience);

/// Returns once the service manager knows it as running (systemd: READY=1), stopped or failed. Nothing to do
/// is no error. kNotFound `service` where none is installed; kTimeout; kUnavailable with where to read why.
Result<void> start_service(std::chrono::milliseconds patience);
Result<void> stop_service(std::chrono::milliseconds patience);

enum class ServiceState { kNotInstalled, kStopped, kStarting, kRunning, kReloading, kStopping, kFailed };

struct ServiceStatus {
  ServiceState state = ServiceState::kNotInstalled;
  bool starts_with_machine = false;
  std::optional<std::int64_t> process_id;  ///< where it runs
  std::string detail;                      ///< the service manager's own words; "" for none
};
Result<ServiceStatus> service_status();

/// "not-installed", "stopped", "starting", "running", "reloading", "stopping", "failed".
std::string_view service_state_name(ServiceState state);

}  // namespace tillsync
