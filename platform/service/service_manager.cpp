#include "platform/service/service_manager.h"

namespace tillsync {

std::string_view service_state_name(ServiceState state) {
  switch (state) {
    case ServiceState::kNotInstalled:
      return "not-installed";
    case ServiceState::kStopped:
      return "stopped";
    case ServiceState::kStarting:
      return "starting";
    case ServiceState::kRunning:
      return "running";
    case ServiceState::kReloading:
      return "reloading";
    case ServiceState::kStopping:
      return "stopping";
    case ServiceState::kFailed:
      return "failed";
  }
  return "stopped";
}

}  // namespace tillsync
