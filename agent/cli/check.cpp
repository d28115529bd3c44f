#include <cstdio>
#include <filesystem>

#include "agent/access/certificates.h"
#include "agent/assembly/daemon.h"
#include "agent/cli/commands.h"
#include "outbox/document/validation.h"
#include "outbox/journal/verify.h"
#include "platform/crypto/rsa.h"
#include "platform/log/printable.h"
#include "platform/service/memory.h"

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
  keep_memory_out_of_core_files();
  for (const auto& [name, target] : settings.targets) {
    for (const SecretReference* secret :
         {&target.token, &target.auth.password, &target.auth.key, &target.auth.client_secret,
          &target.auth.private_key, &target.auth.passphrase}) {
      const auto read = read_secret(*secret);
      std::string fault = read ? "" : read.error().detail;
      if (read && !read->empty() && secret == &target.auth.private_key) {
        const auto key = RsaKey::from_pem(*read);
        if (!key) fault = "secret " + secret->text + ": " + key.error().detail;
      }
      if (fault.empty()) continue;
      std::fputs(("tillsync: note: [targets." + name + "] " + printable(fault) + "\n").c_str(), stderr);
    }
  }
}

/// What is wrong with the listeners' certificates, told; true where nothing is that would keep the daemon
/// from starting. What cannot be read is a note, as with secrets. So is one that has expired: the daemon
/// starts with it, because tills on this machine go on.
bool check_certificates(const Context& context, const Settings& settings) {
  bool good = true;
  const auto check = [&](const std::string& listener, const TlsSettings& tls,
                         const std::string& client_ca_file) {
    if (!tls.tls()) return;
    const auto loaded = load_tls(listener, tls, client_ca_file);
    std::string fault;
    if (!loaded) {
      fault = loaded.error().detail;
      if (loaded.error().kind == ErrorKind::kInvalid) {
        good = false;
        fail(Exit::kUsage, fault);
        return;
      }
    } else {
      const auto& facts = (*loaded)->certificate();
      const int left = tls::days_left(facts, context.clock.utc_now());
      const std::string end = format_utc(facts.not_after);
      if (left < 0) fault = "the certificate " + tls.tls_certificate + " has expired, at " + end;
      if (left >= 0 && left < kWarnDays) fault = "the certificate " + tls.tls_certificate + " ends at " + end;
      if (context.clock.utc_now() < facts.not_before)
        fault = "the certificate " + tls.tls_certificate + " is good only from " +
                format_utc(facts.not_before) + " on";
      if (fault.empty()) return;
      fault = "[" + listener + "] " + fault +
              ": put a new one, and its key, in the files' place; no restart is needed";
    }
    std::fputs(("tillsync: note: " + printable(fault) + "\n").c_str(), stderr);
  };
  if (!settings.till.tcp.empty()) check("till", settings.till, "");
  check("ops", settings.ops, settings.ops.client_ca_file);
  return good;
}

// Likewise: a share may not be mounted yet.
void warn_of_intakes(const Settings& settings) {
  for (const auto& [name, intake] : settings.intakes) {
    std::error_code ignored;
    if (std::filesystem::is_directory(intake.folder, ignored)) continue;
    std::fputs(("tillsync: note: [intake." + name + "] there is no folder " + printable(intake.folder) +
                " (or this user may not see it): make it, and let tillsync and the tills write there\n")
                   .c_str(),
               stderr);
  }
}

// Quick, because it stands before every start: `journal verify` walks the whole chain.
constexpr std::int64_t kRecordsChecked = 1'000;

/// Why the daemon could not make its journal in the folder, or "": the nearest thing that is there has to be
/// a folder, and to be seen at all.
std::string folder_fault(const std::string& folder) {
  std::error_code error;
  for (std::filesystem::path at = std::filesystem::absolute(folder, error);; at = at.parent_path()) {
    const auto type = std::filesystem::status(at, error).type();
    if (type == std::filesystem::file_type::directory) {
      // A folder that this user may not search hides whether there is a journal in it.
      const bool hidden =
          !std::filesystem::exists(at / "journal.db", error) && error == std::errc::permission_denied;
      return hidden ? at.string() + " may not be looked into by this user" : std::string();
    }
    if (type != std::filesystem::file_type::not_found && type != std::filesystem::file_type::none)
      return at.string() + " is no folder";
    if (error == std::errc::permission_denied) return at.string() + " may not be looked at by this user";
    if (at == at.parent_path()) return {};
  }
}

Exit check_journal(const Context& context, const std::string& folder) {
  const auto told = [&](std::string_view text) {
    if (!context.json) print("journal " + printable(folder) + ": " + std::string(text) + "\n");
  };
  auto reader = JournalReader::open(folder);
  if (!reader && reader.error().kind == ErrorKind::kNotFound) {
    if (const std::string fault = folder_fault(folder); !fault.empty())
      return fail(Exit::kStorage, "no journal can be in " + folder + ": " + fault +
                                      "; check [journal] path, and the rights of the user who runs tillsync");
    told("none yet; the daemon makes it at its first start");
    return Exit::kDone;
  }
  if (!reader && reader.error().code == "journal-too-old") {
    told(
        "of an older version; the daemon brings it up to date at its start, and older versions refuse it "
        "then");
    return Exit::kDone;
  }
  if (!reader) return fail(journal_unreadable(reader.error()));
  auto verification = verify_journal_end(**reader, kRecordsChecked);
  if (!verification) return fail(journal_unreadable(verification.error()));
  if (!verification->whole) {
    return fail(Exit::kNo, "journal: " + damage_text(*verification));
  }
  told("good, head " + std::to_string(verification->head.sequence.value));
  return Exit::kDone;
}

Exit check_settings(const Context& context) {
  const LoadedSettings loaded = load_checked(context);
  print_mistakes(context, loaded);
  if (!loaded.mistakes.empty()) {
    const std::size_t count = loaded.mistakes.size();
    return fail(Exit::kUsage, std::to_string(count) + (count == 1 ? " mistake" : " mistakes") + " in " +
                                  context.settings_file + "; mend the lines above and check again");
  }
  warn_of_secrets(loaded.settings);
  warn_of_intakes(loaded.settings);
  if (!check_certificates(context, loaded.settings)) return Exit::kUsage;
  if (!context.json) print("settings " + printable(context.settings_file) + ": good\n");
  if (auto ours = check_journal_owner(loaded.settings); !ours) return fail(ours.error());
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
