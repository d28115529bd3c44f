#include <cstdio>

#include "agent/assembly/daemon.h"
#include "agent/cli/commands.h"
#include "outbox/document/validation.h"
#include "outbox/journal/verify.h"
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

// Quick, because it stands before every start: `journal verify` walks the whole chain.
constexpr std::int64_t kRecordsChecked = 1'000;

Exit check_journal(const Context& context, const std::string& folder) {
  const auto told = [&](std::string_view text) {
    if (!context.json) print("journal " + printable(folder) + ": " + std::string(text) + "\n");
  };
  auto reader = JournalReader::open(folder);
  if (!reader && reader.error().kind == ErrorKind::kNotFound) {
    told("none yet; the daemon makes it at its first start");
    return Exit::kDone;
  }
  if (!reader) return fail(Exit::kStorage, reader.error().detail);
  auto verification = verify_journal_end(**reader, kRecordsChecked);
  if (!verification) return fail(Exit::kStorage, verification.error().detail);
  if (!verification->whole) {
    return fail(Exit::kNo, "the journal's chain is broken at sequence " +
                               std::to_string(verification->first_bad ? verification->first_bad->value : 0) +
                               ": " + verification->reason + "; run `tillsync journal verify`");
  }
  told("good, head " + std::to_string(verification->head.sequence.value));
  return Exit::kDone;
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
  if (auto store = store_defaults(loaded.settings); !store) return fail(Exit::kUsage, store.error().detail);
  if (!context.json) print("settings " + printable(context.settings_file) + ": good\n");
  return check_journal(context, loaded.settings.journal.path);
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
