#include <memory>

#include "agent/cli/journal_commands.h"
#include "agent/cli/progress.h"
#include "outbox/journal/recover.h"
#include "platform/log/printable.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

constexpr std::chrono::milliseconds kRecoverProgressEvery{2'000};
constexpr std::size_t kReasonBytesMax = 1'024;

json::Value recovery_json(const Recovery& recovery) {
  json::Array lost;
  for (const auto& range : recovery.lost)
    lost.emplace_back(json::Object{{"from", range.from.value}, {"through", range.through.value}});
  return json::Object{{"needed", recovery.needed},
                      {"finished_earlier", recovery.finished_earlier},
                      {"carried", recovery.carried},
                      {"documents", recovery.documents},
                      {"lost", std::move(lost)},
                      {"end_unknown", recovery.end_unknown},
                      {"aside", recovery.aside.empty() ? json::Value() : json::Value(recovery.aside)},
                      {"head", json::Object{{"sequence", recovery.head.sequence.value},
                                            {"hash", to_hex(recovery.head.hash)}}}};
}

std::string recovery_text(const Recovery& recovery) {
  if (!recovery.needed) return "the journal is whole; nothing was changed\n";
  if (recovery.finished_earlier) {
    return "the recovery that was begun earlier is complete; the damaged files are in " +
           printable(recovery.aside) + "\n";
  }
  std::string text = "carried over: " + std::to_string(recovery.carried) + " records, " +
                     std::to_string(recovery.documents) + " of them documents\n";
  for (const auto& range : recovery.lost)
    text += "lost: " + std::to_string(range.from.value) + " to " + std::to_string(range.through.value) + "\n";
  if (recovery.lost.empty()) text += "lost: nothing\n";
  if (recovery.end_unknown) text += "where the damaged journal ended could not be read: more may be lost\n";
  if (!recovery.aside.empty()) text += "the damaged files are in " + printable(recovery.aside) + "\n";
  text += "what is not settled will be looked up before it is sent; post again what tills still hold\n";
  return text;
}

struct RecoverArguments {
  std::string into, reason, by;
};

Exit recover(const Context& context, const RecoverArguments& arguments) {
  auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  RecoverOptions options{settings->journal.path, arguments.into, arguments.reason, arguments.by};
  if (options.by.empty()) options.by = user_name();
  for (const auto* part : {&options.reason, &options.by}) {
    if (part->empty() || part->size() > kReasonBytesMax)
      return fail(Exit::kUsage, "--reason and --by are 1 to 1024 bytes each");
  }
  keep_files_private();
  auto lock = FileLock::acquire(settings->journal.path + "/lock");
  if (!lock && lock.error().kind == ErrorKind::kUnavailable)
    return fail(Exit::kUnreachable, lock.error().detail + ": stop the daemon first");
  if (!lock) return fail(lock.error());
  ProgressLine line(kRecoverProgressEvery);
  auto recovery = recover_journal(options, context.clock, [&](Sequence reached) {
    Progress progress;
    progress.done = progress.total = reached.value;
    progress.note = "recovering";
    line.show(progress, context.clock.steady_now());
  });
  line.clear();
  if (!recovery) return fail(recovery.error());
  print(context.json ? json::dump(recovery_json(*recovery)) + "\n" : recovery_text(*recovery));
  if (!recovery->lost.empty() || recovery->end_unknown)
    warn("records of the journal are lost; the journal tells of it, and `tillsync journal verify` too");
  return Exit::kDone;
}

}  // namespace

void add_recover(CLI::App& journal, Context& context) {
  CLI::App* command = add_command(
      journal, context,
      {"recover",
       "makes a fresh journal of a damaged one: carries over all that the hash chain proves, tells what is "
       "lost,\n  and keeps the damaged files in a folder beside; the daemon has to be stopped",
       "  tillsync journal recover --reason \"disk replaced\" --by \"Ann, store IT\"\n"
       "  tillsync journal recover --reason \"a look first\" --into /mnt/stick/0417\n",
       "0 done, or nothing was damaged; a loss is told as a warning; 2 usage or settings; 3 the daemon "
       "still\n"
       "  runs; 4 nothing could be proven, or storage"},
      JsonOption::kOffered);
  auto arguments = std::make_shared<RecoverArguments>();
  command->add_option("--reason", arguments->reason, "why; kept in the journal")->required();
  command->add_option("--by", arguments->by, "who decides it (default: the user); kept in the journal");
  command->add_option("--into", arguments->into,
                      "a new folder for the result; the journal in place stays as it is");
  command->callback([&context, arguments] { context.exit = recover(context, *arguments); });
}

}  // namespace tillsync::cli
