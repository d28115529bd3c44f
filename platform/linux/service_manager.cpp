// systemd, by systemctl(1): its D-Bus interface says no more, and would be one library more. The unit is the
// one of the package (packaging/systemd), with this program's path in it.
#include "platform/service/service_manager.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "platform/linux/command.h"
#include "platform/linux/systemd_files.h"
#include "platform/service/drop_folder.h"

namespace tillsync {
namespace {

namespace fs = std::filesystem;
using Milliseconds = std::chrono::milliseconds;

constexpr const char* kUnit = "tillsync.service";
constexpr const char* kUnitFile = "/etc/systemd/system/tillsync.service";
constexpr const char* kDropIn = "/etc/systemd/system/tillsync.service.d/10-paths.conf";
constexpr const char* kUser = "tillsync";
constexpr const char* kPackagedProgram = "/usr/bin/tillsync";
constexpr const char* kStateFolder = "/var/lib/tillsync";
constexpr const char* kSettingsDefault = "/etc/tillsync/tillsync.toml";
constexpr Milliseconds kSystemctlPatience{60'000};

Error storage(const std::string& what) {
  return {ErrorKind::kStorage, "file", what + ": " + std::strerror(errno)};
}

/// One line of what a program said.
std::string said(std::string output) {
  while (!output.empty() && output.back() == '\n') output.pop_back();
  std::replace(output.begin(), output.end(), '\n', ' ');
  return output;
}

/// systemctl must say yes.
Result<void> systemctl(std::vector<std::string> words, Milliseconds patience = kSystemctlPatience) {
  words.insert(words.begin(), "systemctl");
  const auto ran = run_command(words, patience);
  if (!ran) return ran.error();
  if (ran->status == 0) return ok();
  if (ran->status < 0) {
    return Error{ErrorKind::kTimeout, "service",
                 "systemctl " + words[1] + " " + kServiceName +
                     " did not end in time; see `systemctl status " + kServiceName + "`"};
  }
  return Error{ErrorKind::kUnavailable, "service",
               said(ran->output) + "; see `journalctl -u " + kServiceName + "` and `tillsync check`"};
}

// --- what may be done here

Result<void> check_root() {
  if (::geteuid() == 0) return ok();
  return Error{ErrorKind::kUnavailable, "not-administrator", "only root may do this: call it with sudo"};
}

/// sd_booted(3).
Result<void> check_systemd() {
  struct stat facts {};
  if (::lstat("/run/systemd/system", &facts) == 0 && S_ISDIR(facts.st_mode)) return ok();
  return Error{ErrorKind::kUnavailable, "no-service-manager",
               "systemd does not run this machine; run `tillsync run` under what does"};
}

bool is_below(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

/// Where the service would not find it: ProtectHome=, PrivateTmp= of the unit, or rights on the way.
Result<void> check_reachable(const std::string& what, const std::string& path) {
  std::error_code fault;
  const std::string real = fs::weakly_canonical(path, fault).string();
  for (const char* hidden : {"/home", "/root", "/run/user", "/tmp", "/var/tmp"}) {
    if (!is_below(real, hidden)) continue;
    return Error{ErrorKind::kInvalid, "service",
                 what + " " + real + " is below " + hidden +
                     ", which the service does not see: put it elsewhere, below /opt for example"};
  }
  for (auto at = fs::path(real).parent_path(); !at.empty(); at = at.parent_path()) {
    const auto rights = fs::status(at, fault).permissions();
    if (!fault && (rights & fs::perms::others_exec) == fs::perms::none) {
      return Error{ErrorKind::kInvalid, "service",
                   what + " " + real + ": the service's user may not pass " + at.string() +
                       "; allow it (chmod o+x), or put it elsewhere"};
    }
    if (at == at.parent_path()) break;
  }
  return ok();
}

Result<void> check_no_package() {
  for (const char* folder : {"/usr/lib/systemd/system/", "/lib/systemd/system/"}) {
    std::error_code ignored;
    if (!fs::exists(std::string(folder) + kUnit, ignored)) continue;
    return Error{ErrorKind::kInvalid, "service",
                 std::string("a package has installed the service already (") + folder + kUnit +
                     "): use systemctl, or remove the package first"};
  }
  return ok();
}

Result<void> check_install(const ServiceInstall& install) {
  for (const auto* path : {&install.program, &install.settings_file, &install.data_folder}) {
    // systemd's own quoting in units and these paths: a plain one needs none.
    if (path->starts_with("/") && path->find_first_of(" \t\n\"'\\%$;") == std::string::npos) continue;
    return Error{ErrorKind::kInvalid, "service",
                 "\"" + *path +
                     "\" cannot stand in a unit: use an absolute path without blanks, quotes, %, $ "
                     "and backslashes"};
  }
  if (auto good = check_reachable("the program", install.program); !good) return good;
  return check_reachable("the settings file", install.settings_file);
}

// --- what is written

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

std::string unit_text(const ServiceInstall& install) {
  std::string text(kSystemdUnit);
  text = replaced(text, kPackagedProgram, install.program);
  if (install.settings_file != kSettingsDefault) {
    for (const std::string command : {" run\n", " check\n"}) {
      text = replaced(text, install.program + command,
                      install.program + command.substr(0, command.size() - 1) + " --config " +
                          install.settings_file + "\n");
    }
  }
  return "# Written by `tillsync service install`; `tillsync service uninstall` removes it.\n" + text;
}

/// What the unit does not let it write to; "" where it lets it.
std::string drop_in_text(const ServiceInstall& install) {
  std::string text;
  if (!is_below(install.data_folder, kStateFolder)) text += "RequiresMountsFor=" + install.data_folder + "\n";
  if (!text.empty()) text = "[Unit]\n" + text;
  std::vector<std::string> folders = install.shared_folders;
  folders.push_back(install.data_folder);
  std::string paths;
  for (const auto& folder : folders) {
    const bool is_open = is_below(folder, kStateFolder) || is_below(folder, "/var/log/tillsync") ||
                         is_below(folder, "/run/tillsync");
    if (!is_open) paths += "ReadWritePaths=" + folder + "\n";
  }
  if (!paths.empty()) text += "[Service]\n" + paths;
  return text.empty() ? text : "# Written by `tillsync service install`, from the settings.\n" + text;
}

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// True where it was another one.
Result<bool> write_file(const std::string& path, const std::string& text, mode_t mode) {
  std::error_code fault;
  if (fs::exists(path, fault) && content_of(path) == text) return false;
  fs::create_directories(fs::path(path).parent_path(), fault);
  if (auto written = write_beside(path, text); !written) return written.error();
  if (::chmod(path.c_str(), mode) != 0) return storage("cannot set the rights of " + path);
  return true;
}

Result<bool> remove_file(const std::string& path) {
  std::error_code fault;
  const bool was = fs::remove(path, fault);
  if (fault) return Error{ErrorKind::kStorage, "file", "cannot remove " + path + ": " + fault.message()};
  return was;
}

Result<passwd> user() {
  errno = 0;
  const passwd* entry = ::getpwnam(kUser);  // NOLINT(concurrency-mt-unsafe): the command line has one thread
  if (entry == nullptr)
    return Error{ErrorKind::kNotFound, "service", std::string("there is no user ") + kUser};
  return *entry;
}

/// systemd-sysusers(8) is there wherever systemd is.
Result<bool> make_user() {
  if (user()) return false;
  std::vector<std::string> words{"systemd-sysusers", "--inline"};
  std::istringstream lines{std::string(kSystemdUsers)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.front() != '#') words.push_back(line);
  }
  const auto ran = run_command(words, kSystemctlPatience);
  if (!ran) return ran.error();
  if (ran->status != 0 || !user())
    return Error{ErrorKind::kUnavailable, "service", "the user cannot be made: " + said(ran->output)};
  return true;
}

/// Secrets' and customers' data: of others nobody may look.
Result<bool> make_data_folder(const std::string& path) {
  const auto owner = user();
  if (!owner) return owner.error();
  std::error_code fault;
  const bool made = fs::create_directories(path, fault);
  if (fault) return Error{ErrorKind::kStorage, "file", "cannot make " + path + ": " + fault.message()};
  if (made && (::chown(path.c_str(), owner->pw_uid, owner->pw_gid) != 0 || ::chmod(path.c_str(), 0700) != 0))
    return storage("cannot give " + path + " to " + kUser);
  return made;
}

Result<bool> make_settings(const ServiceInstall& install) {
  std::error_code fault;
  if (fs::exists(install.settings_file, fault)) return false;
  const auto owner = user();
  if (!owner) return owner.error();
  if (auto written = write_file(install.settings_file, install.settings_text, 0640); !written)
    return written.error();
  if (::chown(install.settings_file.c_str(), 0, owner->pw_gid) != 0)
    return storage("cannot give " + install.settings_file + " to the service's group");
  return true;
}

// --- what systemd says

using Properties = std::map<std::string, std::string>;

Result<Properties> properties() {
  const auto ran = run_command({"systemctl", "show", kUnit,
                                "--property=LoadState,ActiveState,UnitFileState,MainPID,StatusText,Result"},
                               kSystemctlPatience);
  if (!ran) return ran.error();
  if (ran->status != 0) return Error{ErrorKind::kUnavailable, "service", said(ran->output)};
  Properties found;
  std::istringstream lines(ran->output);
  for (std::string line; std::getline(lines, line);) {
    const auto at = line.find('=');
    if (at != std::string::npos) found[line.substr(0, at)] = line.substr(at + 1);
  }
  return found;
}

ServiceState state_of(Properties& found) {
  if (found["LoadState"] == "not-found") return ServiceState::kNotInstalled;
  const std::string& active = found["ActiveState"];
  if (active == "active") return ServiceState::kRunning;
  if (active == "reloading") return ServiceState::kReloading;
  if (active == "activating") return ServiceState::kStarting;
  if (active == "deactivating") return ServiceState::kStopping;
  return active == "failed" ? ServiceState::kFailed : ServiceState::kStopped;
}

Result<void> check_installed() {
  const auto status = service_status();
  if (!status) return status.error();
  if (status->state != ServiceState::kNotInstalled) return ok();
  return Error{ErrorKind::kNotFound, "service",
               "the service is not installed; `tillsync service install` does that"};
}

Result<void> ready_for_change() {
  if (auto root = check_root(); !root) return root;
  return check_systemd();
}

}  // namespace

Result<std::vector<std::string>> install_service(const ServiceInstall& install) {
  for (const auto& check : {ready_for_change(), check_no_package(), check_install(install)}) {
    if (!check) return check.error();
  }
  std::vector<std::string> did;
  std::optional<Error> failed;
  const auto step = [&](const std::string& what, const std::function<Result<bool>()>& make) {
    if (failed) return false;
    const auto made = make();
    if (!made) failed = made.error();
    if (made && *made) did.push_back(what);
    return made && *made;
  };
  const std::string drop_in = drop_in_text(install);
  const bool unit = step(std::string("wrote ") + kUnitFile,
                         [&] { return write_file(kUnitFile, unit_text(install), 0644); });
  const bool paths = step(std::string(drop_in.empty() ? "removed " : "wrote ") + kDropIn, [&] {
    return drop_in.empty() ? remove_file(kDropIn) : write_file(kDropIn, drop_in, 0644);
  });
  step(std::string("made the user ") + kUser, make_user);
  step("made the folder " + install.data_folder, [&] { return make_data_folder(install.data_folder); });
  step("wrote first settings to " + install.settings_file, [&] { return make_settings(install); });
  if (failed) return *failed;
  if (unit || paths) {
    if (auto done = systemctl({"daemon-reload"}); !done) return done.error();
  }
  const auto status = service_status();
  if (!status) return status.error();
  if (!status->starts_with_machine) {
    if (auto done = systemctl({"enable", "--quiet", kUnit}); !done) return done.error();
    did.emplace_back("the service starts with the machine from now on");
  }
  return did;
}

Result<std::vector<std::string>> uninstall_service(std::chrono::milliseconds patience) {
  if (auto ready = ready_for_change(); !ready) return ready.error();
  if (auto ours = check_no_package(); !ours) return ours.error();
  std::error_code ignored;
  if (!fs::exists(kUnitFile, ignored)) return std::vector<std::string>{};
  std::vector<std::string> did;
  if (auto stopped = stop_service(patience); !stopped) return stopped.error();
  did.emplace_back("stopped the service");
  if (auto done = systemctl({"disable", "--quiet", kUnit}); !done) return done.error();
  for (const char* file : {kDropIn, kUnitFile}) {
    auto removed = remove_file(file);
    if (!removed) return removed.error();
    if (*removed) did.push_back(std::string("removed ") + file);
  }
  fs::remove(fs::path(kDropIn).parent_path(),
             ignored);  // where an administrator's own drop-ins are, it stays
  if (auto done = systemctl({"daemon-reload"}); !done) return done.error();
  return did;
}

Result<void> start_service(std::chrono::milliseconds patience) {
  if (auto ready = ready_for_change(); !ready) return ready.error();
  if (auto installed = check_installed(); !installed) return installed.error();
  return systemctl({"start", kUnit}, patience);
}

Result<void> stop_service(std::chrono::milliseconds patience) {
  if (auto ready = ready_for_change(); !ready) return ready.error();
  if (auto installed = check_installed(); !installed) return installed.error();
  return systemctl({"stop", kUnit}, patience);
}

Result<ServiceStatus> service_status() {
  if (auto systemd = check_systemd(); !systemd) return systemd.error();
  auto found = properties();
  if (!found) return found.error();
  ServiceStatus status;
  status.state = state_of(*found);
  status.starts_with_machine = (*found)["UnitFileState"].starts_with("enabled");
  const std::string& process = (*found)["MainPID"];
  std::int64_t id = 0;
  std::from_chars(process.data(), process.data() + process.size(), id);
  if (id > 0) status.process_id = id;
  status.detail = (*found)["StatusText"];
  if (status.state == ServiceState::kFailed && status.detail.empty()) status.detail = (*found)["Result"];
  return status;
}

}  // namespace tillsync
