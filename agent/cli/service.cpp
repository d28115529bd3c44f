#include <fmt/format.h>

#include <filesystem>

#include "agent/cli/commands.h"
#include "agent/cli/service_commands.h"
#include "config/first_settings.h"
#include "platform/log/printable.h"
#include "platform/service/child_process.h"
#include "platform/service/service_manager.h"

namespace tillsync::cli {
namespace {

/// As long as the unit allows a start on an old, large journal (packaging/systemd).
constexpr std::chrono::seconds kStartPatience{900};
constexpr std::chrono::seconds kStopPatience{90};

std::string absolute(const std::string& path) {
  std::error_code fault;
  return std::filesystem::absolute(path, fault).lexically_normal().string();
}

/// Folders of others in which the service writes: with mistakes in the file, as far as it can be read.
std::vector<std::string> shared_folders(const Settings& settings) {
  constexpr std::string_view kFolder = "file://";
  std::vector<std::string> folders;
  for (const auto& [name, intake] : settings.intakes) folders.push_back(intake.folder);
  for (const auto& [name, target] : settings.targets) {
    if (target.base_url.starts_with(kFolder)) folders.push_back(target.base_url.substr(kFolder.size()));
  }
  if (!settings.log.file.empty())
    folders.push_back(std::filesystem::path(settings.log.file).parent_path().string());
  return folders;
}

Exit told(const Context& context, const Result<std::vector<std::string>>& did, const char* nothing) {
  if (!did) return fail(did.error());
  if (context.json) {
    json::Array lines;
    for (const auto& line : *did) lines.emplace_back(line);
    print(json::dump(json::Object{{"did", std::move(lines)}}) + "\n");
    return Exit::kDone;
  }
  for (const auto& line : *did) print(line + "\n");
  if (did->empty()) print(std::string(nothing) + "\n");
  return Exit::kDone;
}

Exit run_install(const Context& context) {
  const std::string file = absolute(context.settings_file);
  std::error_code fault;
  const bool first = !std::filesystem::exists(file, fault);
  const LoadedSettings loaded = first ? LoadedSettings{} : load_settings(file);
  const Exit done = told(context,
                         install_service({program_file(), file, first_settings(),
                                          loaded.settings.journal.path, shared_folders(loaded.settings)}),
                         "all of it is there already");
  if (done != Exit::kDone || context.json) return done;
  if (first || !loaded.mistakes.empty()) {
    print("Now write the store's settings to " + file + ", then: tillsync check && tillsync service start\n");
  } else {
    print("Now: tillsync check && tillsync service start\n");
  }
  return done;
}

Exit run_uninstall(const Context& context) {
  const Exit done = told(context, uninstall_service(kStopPatience), "there is no service to remove");
  if (done == Exit::kDone && !context.json) print("Settings, journal and program stay where they are.\n");
  return done;
}

Exit run_start() {
  const auto done = start_service(kStartPatience);
  if (!done) return fail(done.error());
  print("running\n");
  return Exit::kDone;
}

Exit run_stop() {
  const auto done = stop_service(kStopPatience);
  if (!done) return fail(done.error());
  print("stopped\n");
  return Exit::kDone;
}

Exit run_service_status(const Context& context) {
  const auto status = service_status();
  if (!status) return fail(status.error());
  const std::string state(service_state_name(status->state));
  if (context.json) {
    print(json::dump(json::Object{
              {"state", state},
              {"starts_with_machine", status->starts_with_machine},
              {"process_id", status->process_id ? json::Value(*status->process_id) : json::Value()},
              {"detail", status->detail}}) +
          "\n");
  } else {
    print(fmt::format("{}{}{}{}\n", state,
                      status->process_id ? fmt::format(" (process {})", *status->process_id) : "",
                      status->starts_with_machine ? ", starts with the machine" : "",
                      status->detail.empty() ? "" : ": " + printable(status->detail)));
  }
  const bool runs = status->state == ServiceState::kRunning || status->state == ServiceState::kReloading;
  return runs ? Exit::kDone : Exit::kNo;
}

}  // namespace

void add_service(CLI::App& app, Context& context) {
  constexpr const char* kExits =
      "0 done; 1 there is no such service; 2 it cannot be installed as it lies; 3 no right to, or the\n"
      "  service manager said no; 4 a file cannot be written";
  CLI::App* group = app.add_subcommand("service", "makes the daemon a service of this machine");
  group->require_subcommand(1);
  add_command(
      *group, context,
      {"install",
       "makes the service with user, folders and first settings where they are missing; safe to repeat",
       "  tillsync service install\n  tillsync service install --config /etc/tillsync/tillsync.toml\n",
       kExits},
      JsonOption::kOffered)
      ->callback([&context] { context.exit = run_install(context); });
  add_command(*group, context,
              {"uninstall", "stops the service and removes it; settings, journal and program stay",
               "  tillsync service uninstall\n", kExits},
              JsonOption::kOffered)
      ->callback([&context] { context.exit = run_uninstall(context); });
  add_command(*group, context,
              {"start", "starts it, and waits until it accepts", "  tillsync service start\n", kExits})
      ->callback([&context] { context.exit = run_start(); });
  add_command(*group, context,
              {"stop", "stops it, and waits for its end", "  tillsync service stop\n", kExits})
      ->callback([&context] { context.exit = run_stop(); });
  add_command(*group, context,
              {"status", "whether it is installed and runs", "  tillsync service status --json\n",
               "0 it runs; 1 it does not; 3 the service manager cannot be asked"},
              JsonOption::kOffered)
      ->callback([&context] { context.exit = run_service_status(context); });
}

}  // namespace tillsync::cli
