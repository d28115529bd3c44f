#include <cstdio>

#include "agent/cli/commands.h"
#include "platform/log/printable.h"

namespace tillsync::cli {
namespace {

void print_mistakes(const Context& context, const LoadedSettings& loaded) {
  if (!context.json) {
    for (const SettingsMistake& mistake : loaded.mistakes)
      std::fputs((printable(mistake.text()) + "\n").c_str(), stderr);
    return;
  }
  json::Array mistakes;
  for (const SettingsMistake& mistake : loaded.mistakes) {
    mistakes.push_back(
        json::Object{{"file", mistake.file}, {"line", mistake.line}, {"detail", mistake.detail}});
  }
  print(json::dump(json::Object{
            {"settings", context.settings_file}, {"good", mistakes.empty()}, {"mistakes", mistakes}}) +
        "\n");
}

// No mistake of the file: the service may run as another user, or the secret may come later.
void warn_of_secrets(const Settings& settings) {
  for (const auto& [name, target] : settings.targets) {
    for (const SecretReference* secret :
         {&target.token, &target.auth.password, &target.auth.key, &target.auth.client_secret}) {
      const auto read = read_secret(*secret);
      if (read) continue;
      std::fputs(("tillsync: note: [targets." + name + "] " + printable(read.error().detail) + "\n").c_str(),
                 stderr);
    }
  }
}

Exit check_settings(const Context& context) {
  const LoadedSettings loaded = load_settings(context.settings_file);
  print_mistakes(context, loaded);
  if (!loaded.mistakes.empty()) {
    const std::size_t count = loaded.mistakes.size();
    return fail(Exit::kUsage, std::to_string(count) + (count == 1 ? " mistake" : " mistakes") + " in " +
                                  context.settings_file + "; mend the lines above and check again");
  }
  warn_of_secrets(loaded.settings);
  if (!context.json) print("settings " + printable(context.settings_file) + ": good\n");
  return Exit::kDone;
}

}  // namespace

void add_check(CLI::App& app, Context& context) {
  CLI::App* command = add_command(
      app, context,
      {"check", "reads settings and journal without changing either, and says every mistake",
       "  tillsync check --config /etc/tillsync/tillsync.toml\n",
       "0 all is well; 1 the journal's chain is broken; 2 mistakes in the settings, each told as\n"
       "  FILE:LINE: what; cure; 4 the journal cannot be read"},
      JsonOption::kOffered);
  command->callback([&context] { context.exit = check_settings(context); });
}

}  // namespace tillsync::cli
