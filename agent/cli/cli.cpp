#include "agent/cli/cli.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "agent/cli/commands.h"
#include "agent/cli/manual.h"
#include "agent/cli/secret.h"
#include "agent/cli/service_commands.h"
#include "config/suggestion.h"
#include "platform/service/places.h"

namespace tillsync::cli {
namespace {

constexpr const char* kPurpose =
    "tillsync keeps every sale, return, stock and customer change of a store in a durable journal, and "
    "replays each to the\n"
    "central ERP and CRM once in effect, whenever they can be reached.";

const std::string kExamples =
    "Examples:\n"
    "  tillsync check --config ./tillsync.toml     every mistake in the settings, with its line\n"
    "  tillsync run --config ./tillsync.toml       the daemon, in the foreground\n"
    "  tillsync post sales.ndjson                  hands documents in; safe to repeat\n"
    "  tillsync watch                              what is still owed to central, while it drains\n"
    "  tillsync report reconciliation --day 2026-11-23\n"
    "  tillsync COMMAND --help                     more about one command\n"
    "\n";
constexpr const char* kExitStatuses =
    "Exit status: 0 done; 1 the answer is no (not balanced, chain broken, not delivered); 2 usage or "
    "settings;\n"
    "  3 the daemon cannot be reached; 4 storage.";

std::string settings_file() {
  const char* named = std::getenv("TILLSYNC_CONFIG");
  return named != nullptr && *named != '\0' ? named : settings_file_default();
}

void build(CLI::App& app, Context& context) {
  app.allow_windows_style_options(false);  // a path may begin with "/" there too
  app.set_version_flag("--version", std::string("tillsync ") + TILLSYNC_VERSION);
  app.set_help_flag("-h,--help", "this help");
  app.add_option("--config", context.settings_file,
                 "the settings file (default: " + context.settings_file + ")");
  app.require_subcommand(1);
  app.footer(kExamples +
             ("The settings file is --config FILE, else the environment's TILLSYNC_CONFIG, else " +
              settings_file_default() + ".\n\n") +
             kExitStatuses);
  add_run(app, context);
  add_check(app, context);
  add_post(app, context);
  add_status(app, context);
  add_watch(app, context);
  add_drain(app, context);
  add_report(app, context);
  add_fleet(app, context);
  add_quarantine(app, context);
  add_conflicts(app, context);
  add_explain(app, context);
  add_journal(app, context);
  add_connector(app, context);
  add_access(app, context);
  add_service(app, context);
  add_secret(app, context);
  add_jq_worker(app, context);
  add_manual(app, context);
}

std::vector<std::string> command_names(CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

// CLI11 tells a mistyped command only as "a subcommand is required"; this finds the word and its level. ""
// where none is wrong.
std::string unknown_command(CLI::App& root, int argc, const char* const* argv) {
  CLI::App* level = &root;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--config") {
      ++i;
      continue;
    }
    if (!word.empty() && word.front() == '-') continue;
    const std::vector<std::string> names = command_names(*level);
    if (names.empty()) return {};
    if (std::find(names.begin(), names.end(), word) == names.end()) {
      const std::string hint = did_you_mean(word, names);
      return "there is no command \"" + word + "\"" +
             (hint.empty() ? "; `tillsync --help` lists them" : hint);
    }
    level = level->get_subcommand(word);
  }
  return {};
}

CLI::App* innermost(CLI::App* app) {
  for (;;) {
    const auto chosen = app->get_subcommands();
    if (chosen.empty()) return app;
    app = chosen.front();
  }
}

std::string full_name(const CLI::App* app) {
  return app->get_parent() == nullptr ? app->get_name()
                                      : full_name(app->get_parent()) + " " + app->get_name();
}

int parse_and_run(int argc, const char* const* argv) {
  const SystemClock clock;
  Context context(clock);
  context.settings_file = settings_file();
  CLI::App app(kPurpose, "tillsync");
  build(app, context);
  if (argc <= 1) {
    std::fputs(app.help().c_str(), stderr);
    return static_cast<int>(Exit::kUsage);
  }
  const std::string unknown = unknown_command(app, argc, argv);
  if (!unknown.empty()) return static_cast<int>(fail(Exit::kUsage, unknown));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& fault) {
    if (fault.get_exit_code() == 0) return app.exit(fault);  // --help, --version
    return static_cast<int>(
        fail(Exit::kUsage, std::string(fault.what()) + "; see `" + full_name(innermost(&app)) + " --help`"));
  }
  return static_cast<int>(context.exit);
}

}  // namespace

CLI::App* add_command(CLI::App& parent, Context& context, const CommandHelp& help, JsonOption json) {
  CLI::App* command = parent.add_subcommand(help.name, help.purpose);
  command->set_help_flag("-h,--help", "this help");
  command->add_option("--config", context.settings_file,
                      "the settings file (default: " + context.settings_file + ")");
  if (json == JsonOption::kOffered) command->add_flag("--json", context.json, "machine output");
  command->footer(std::string("Examples:\n") + help.examples + "\nExit status:\n  " + help.exits);
  return command;
}

void add_caller_options(CLI::App& command, Context& context) {
  command.add_option("--token-file", context.token_file,
                     "file with the token to show, where the daemon wants one (default: TILLSYNC_TOKEN's)");
  command.add_option("--ca-file", context.ca_file,
                     "PEM file of who signed the daemon's certificate (default: the certificate itself)");
}

int run_command_line(int argc, const char* const* argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& fault) {
    // Nothing of ours throws: this is memory, or a defect.
    return static_cast<int>(fail(Exit::kNo, std::string("stopped: ") + fault.what()));
  }
}

}  // namespace tillsync::cli
