#include <algorithm>
#include <cstdio>
#include <memory>

#include "agent/cli/commands.h"
#include "agent/cli/connector_view.h"
#include "platform/jq/mapper.h"
#include "platform/log/printable.h"
#include "platform/service/child_process.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

/// Alone, and as it will stand within a request's program.
Result<void> compile(jq::Mapper& jq, const std::string& file, const std::string& definitions,
                     const NamedProgram& program, std::vector<SettingsMistake>& mistakes) {
  const auto alone = jq.check(definitions + program.program.text);
  const auto within = alone ? jq.check(definitions + "(\n" + program.program.text + "\n)") : ok();
  if (alone && within) return ok();
  const Error& error = alone ? within.error() : alone.error();
  // Only what libjq says of the program is a mistake of the file.
  if (error.kind == ErrorKind::kUnavailable || error.kind == ErrorKind::kInternal) return error;
  mistakes.push_back(alone ? unfinished_program(file, program)
                           : program_mistake(file, program, error.detail,
                                             std::count(definitions.begin(), definitions.end(), '\n')));
  return ok();
}

/// Every mistake of the file, its programs' included.
Result<LoadedConnector> check_file(jq::Mapper& jq, const std::string& file) {
  LoadedConnector loaded = load_connector(file);
  std::string definitions;
  if (const auto& functions = loaded.connector.functions) {
    // Without an expression behind them they are no program.
    const NamedProgram named{"functions", {functions->text + "\n.", functions->line, functions->first_line}};
    const std::size_t before = loaded.mistakes.size();
    if (auto able = compile(jq, file, "", named, loaded.mistakes); !able) return able.error();
    // Where they are wrong every program that uses them would seem to be.
    if (loaded.mistakes.size() > before) return loaded;
    definitions = functions->text + "\n";
  }
  for (const NamedProgram& program : programs_of(loaded.connector)) {
    if (auto able = compile(jq, file, definitions, program, loaded.mistakes); !able) return able.error();
  }
  std::stable_sort(loaded.mistakes.begin(), loaded.mistakes.end(),
                   [](const auto& a, const auto& b) { return a.line < b.line; });
  return loaded;
}

json::Value checked_json(const std::string& file, const LoadedConnector& loaded) {
  json::Array mistakes;
  for (const SettingsMistake& mistake : loaded.mistakes)
    mistakes.push_back(json::Object{{"line", mistake.line}, {"detail", mistake.detail}});
  const bool good = loaded.mistakes.empty();
  json::Object out{{"file", file}, {"good", good}, {"mistakes", std::move(mistakes)}};
  if (good) out.emplace_back("connector", connector_json(loaded.connector));
  return out;
}

void print_checked(const std::string& file, const LoadedConnector& loaded) {
  for (const SettingsMistake& mistake : loaded.mistakes)
    std::fputs((printable(mistake.text()) + "\n").c_str(), stderr);
  if (!loaded.mistakes.empty()) return;
  print("connector " + loaded.connector.name + " (" + printable(file) + "): good\n" +
        connector_text(loaded.connector, is_terminal(Stream::kOutput) ? terminal_width() : 0));
}

Exit check(const Context& context, const std::vector<std::string>& files) {
  jq::Mapper jq({own_program(), "jq-worker"});
  json::Array checked;
  std::size_t mistakes = 0;
  for (const std::string& file : files) {
    const auto loaded = check_file(jq, file);
    if (!loaded)
      return fail(Exit::kNo, "the programs of " + file + " cannot be checked: " + loaded.error().detail);
    mistakes += loaded->mistakes.size();
    if (context.json) {
      checked.push_back(checked_json(file, *loaded));
    } else {
      print_checked(file, *loaded);
    }
  }
  if (context.json)
    print(json::dump(json::Object{{"good", mistakes == 0}, {"connectors", std::move(checked)}}) + "\n");
  if (mistakes == 0) return Exit::kDone;
  return fail(Exit::kUsage, std::to_string(mistakes) + (mistakes == 1 ? " mistake" : " mistakes") +
                                "; mend what is told above and check again");
}

void add_check_of_files(CLI::App& connector, Context& context) {
  CLI::App* command = add_command(
      connector, context,
      {"check", "reads connector files, compiles their jq programs, and says every mistake; talks to nobody",
       "  tillsync connector check /etc/tillsync/connectors/erp.toml\n",
       "0 all are well, and what they offer is shown; 1 they could not be checked; 2 mistakes, each told as\n"
       "  FILE:LINE: what; cure"},
      JsonOption::kOffered);
  auto files = std::make_shared<std::vector<std::string>>();
  command->add_option("FILE", *files, "connector files")->required();
  command->callback([&context, files] { context.exit = check(context, *files); });
}

}  // namespace

void add_connector(CLI::App& app, Context& context) {
  CLI::App* connector = app.add_subcommand(
      "connector", "checks and tries connector files, which say how a target is spoken to");
  connector->require_subcommand(1);
  add_check_of_files(*connector, context);
  add_connector_try(*connector, context);
  add_connector_fetch(*connector, context);
}

}  // namespace tillsync::cli
