// One function a command: adds it, with its options and its help, to the tree that cli.cpp builds. A command
// that was chosen leaves its exit status in the context.
#pragma once

#include <CLI/CLI.hpp>

#include "agent/cli/support.h"

namespace tillsync::cli {

void add_run(CLI::App& app, Context& context);
void add_check(CLI::App& app, Context& context);
void add_post(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_watch(CLI::App& app, Context& context);
void add_drain(CLI::App& app, Context& context);
void add_report(CLI::App& app, Context& context);
void add_fleet(CLI::App& app, Context& context);
void add_quarantine(CLI::App& app, Context& context);
void add_conflicts(CLI::App& app, Context& context);
void add_explain(CLI::App& app, Context& context);
void add_journal(CLI::App& app, Context& context);
void add_connector(CLI::App& app, Context& context);
void add_access(CLI::App& app, Context& context);
void add_connector_try(CLI::App& connector, Context& context);
void add_connector_fetch(CLI::App& connector, Context& context);
void add_jq_worker(CLI::App& app, Context& context);

/// The help of a command: what it is for, lines to copy, and what its exit statuses mean.
struct CommandHelp {
  const char* name;
  const char* purpose;   ///< one line, shown in the list of commands too
  const char* examples;  ///< lines, each with its line end
  const char* exits;     ///< e.g. "0 done; 2 usage or settings"
};

/// Adds --token-file and --ca-file, for a command that calls the daemon.
void add_caller_options(CLI::App& command, Context& context);

/// Adds a command with --config (and --json where `json` says so) to `parent`.
enum class JsonOption { kNone, kOffered };
CLI::App* add_command(CLI::App& parent, Context& context, const CommandHelp& help,
                      JsonOption json = JsonOption::kNone);

}  // namespace tillsync::cli
