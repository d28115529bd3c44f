#include <cstdio>
#include <memory>

#include "agent/cli/journal_commands.h"
#include "agent/cli/progress.h"
#include "agent/views/document_view.h"
#include "outbox/journal/backup.h"
#include "outbox/journal/verify.h"
#include "platform/log/printable.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

constexpr std::size_t kExportRecordsAtOnce = 1'000;
constexpr std::chrono::milliseconds kProgressEvery{2'000};

// These commands read the journal itself: they work while the daemon runs, and while it does not.
Result<std::unique_ptr<JournalReader>> open_journal(const Context& context, const std::string& folder) {
  std::string path = folder;
  if (path.empty()) {
    auto settings = read_settings(context);
    if (!settings) return settings.error();
    path = settings->journal.path;
  }
  auto reader = JournalReader::open(path);
  if (!reader) return journal_unreadable(reader.error());
  return reader;
}

json::Value lost_json(const Verification& verification) {
  json::Array lost;
  for (const auto& fact : verification.recovered) {
    for (const auto& range : fact.lost) {
      lost.emplace_back(
          json::Object{{"from", range.from.value}, {"through", range.through.value}, {"aside", fact.aside}});
    }
  }
  return lost;
}

void warn_of_loss(const Verification& verification) {
  for (const auto& fact : verification.recovered) {
    std::string text = "the chain holds, but it was recovered from damage (" + fact.reason + ", by " +
                       fact.by + "; the damaged files are in " + fact.aside + "): lost ";
    for (const auto& range : fact.lost)
      text += std::to_string(range.from.value) + " to " + std::to_string(range.through.value) + ", ";
    text += fact.end_unknown    ? "and what may have followed the last"
            : fact.lost.empty() ? "nothing"
                                : "no more";
    warn(text);
  }
}

Exit show_verification(const Context& context, const Verification& verification) {
  if (context.json) {
    json::Object out{
        {"whole", verification.whole},
        {"records", verification.records},
        {"head", json::Object{{"sequence", verification.head.sequence.value},
                              {"hash", to_hex(verification.head.hash)}}},
        {"first_bad", verification.first_bad ? json::Value(verification.first_bad->value) : json::Value()},
        {"derived_differ", verification.derived_differ},
        {"reason", verification.reason},
        {"lost", lost_json(verification)}};
    print(json::dump(out) + "\n");
  } else if (verification.whole) {
    print("the chain holds: " + std::to_string(verification.records) + " records, head " +
          std::to_string(verification.head.sequence.value) + " " + to_hex(verification.head.hash) + "\n");
  }
  warn_of_loss(verification);
  if (verification.whole) return Exit::kDone;
  return fail(Exit::kNo, damage_text(verification));
}

Exit verify(const Context& context, const std::string& folder) {
  auto reader = open_journal(context, folder);
  if (!reader) return fail(reader.error());
  auto head = (*reader)->head();
  if (!head) return fail(journal_unreadable(head.error()));
  ProgressLine line(kProgressEvery);
  auto verification = verify_journal(**reader, [&](Sequence reached) {
    Progress progress;
    progress.done = reached.value;
    progress.total = head->sequence.value;
    progress.note = "verifying";
    line.show(progress, context.clock.steady_now());
  });
  line.clear();
  if (!verification) return fail(journal_unreadable(verification.error()));
  return show_verification(context, *verification);
}

Exit export_records(const Context& context, const std::string& folder, std::int64_t after) {
  auto reader = open_journal(context, folder);
  if (!reader) return fail(reader.error());
  Sequence last{after};
  while (true) {
    auto records = (*reader)->records(last, kExportRecordsAtOnce);
    if (!records) return fail(records.error());
    if (records->empty()) return Exit::kDone;
    std::string text;
    for (const auto& record : *records) {
      auto view = record_view(record);
      if (!view) return fail(view.error());
      json::dump_to(text, *view);
      text += '\n';
    }
    print(text);
    if (std::ferror(stdout) != 0) {
      return fail(Exit::kStorage, "the export could not be written whole behind sequence " +
                                      std::to_string(last.value) +
                                      "; make room where it goes, and repeat it");
    }
    last = records->back().sequence;
  }
}

Exit backup(const Context& context, const std::string& folder, const std::string& into) {
  auto reader = open_journal(context, folder);
  if (!reader) return fail(reader.error());
  keep_files_private();
  if (auto done = backup_journal(**reader, into); !done) {
    return fail(done.error().kind == ErrorKind::kInvalid ? Exit::kUsage : Exit::kStorage,
                done.error().detail);
  }
  auto copy = JournalReader::open(into);
  if (!copy) return fail(copy.error());
  auto verification = verify_journal(**copy);
  if (!verification) return fail(verification.error());
  return show_verification(context, *verification);
}

/// For those who want to know whether a journal may go, its daemon stopped or not.
Exit settled(const Context& context, const std::string& folder) {
  auto reader = open_journal(context, folder);
  if (!reader) return fail(reader.error());
  const auto counts = (*reader)->counts();
  if (!counts) return fail(journal_unreadable(counts.error()));
  std::int64_t owed = 0;
  std::string text;
  json::Object targets;
  for (const auto& [name, target] : counts->targets) {
    owed += target.owed;
    targets.emplace_back(name, json::Object{{"owed", target.owed}, {"quarantined", target.quarantined}});
    if (target.owed == 0) continue;
    text += printable(name) + " is owed " + std::to_string(target.owed) +
            (target.owed == 1 ? " delivery" : " deliveries") + ", " + std::to_string(target.quarantined) +
            " of them in quarantine\n";
  }
  if (context.json) {
    print(json::dump(json::Object{{"settled", owed == 0}, {"targets", targets}}) + "\n");
  } else {
    print(owed == 0 ? "settled: no target is owed anything\n" : text);
  }
  return owed == 0 ? Exit::kDone : Exit::kNo;
}

void add_verify(CLI::App& journal, Context& context, const std::shared_ptr<std::string>& folder) {
  CLI::App* command = add_command(
      journal, context,
      {"verify",
       "walks the hash chain, names the first sequence that does not hold, and compares the tables beside it",
       "  tillsync journal verify\n  tillsync journal verify --journal /mnt/backup/0417\n",
       "0 the chain holds, and the tables beside it are what it adds up to; 1 it is broken, or they are\n"
       "  not; 2 usage or settings; 4 the journal cannot be read"},
      JsonOption::kOffered);
  command->add_option("--journal", *folder, "a journal's folder (default: the settings')");
  command->callback([&context, folder] { context.exit = verify(context, *folder); });
}

void add_export(CLI::App& journal, Context& context, const std::shared_ptr<std::string>& folder) {
  CLI::App* command = add_command(
      journal, context,
      {"export",
       "writes every record with its hash to standard output, as NDJSON; with --sign to a signed file, that\n"
       "  another tillsync of this store can import",
       "  tillsync journal export > store-0417.ndjson\n  tillsync journal export --after 120000\n"
       "  tillsync journal export --sign store.key --out /mnt/stick/0417.tsx\n",
       "0 done; 2 usage or settings, or the file is there; 4 the journal cannot be read, or the file "
       "written"});
  struct Options {
    std::int64_t after = 0;
    SignedExportArguments file;
  };
  auto options = std::make_shared<Options>();
  command->add_option("--journal", *folder, "a journal's folder (default: the settings')");
  auto* after = command->add_option("--after", options->after, "only records behind this sequence")
                    ->check(CLI::NonNegativeNumber);
  auto* sign = command->add_option("--sign", options->file.key, "a private key of `journal keygen`");
  auto* out = command->add_option("--out", options->file.out, "the file to write")->needs(sign);
  sign->needs(out)->excludes(after);
  command->add_option("--from", options->file.from, "the first record's sequence (default: the first)")
      ->check(CLI::PositiveNumber)
      ->needs(sign);
  command->add_option("--to", options->file.to, "the last record's sequence (default: the last)")
      ->check(CLI::PositiveNumber)
      ->needs(sign);
  command->callback([&context, folder, options] {
    if (options->file.key.empty()) {
      context.exit = export_records(context, *folder, options->after);
      return;
    }
    auto reader = open_journal(context, *folder);
    context.exit = reader ? export_signed(context, **reader, options->file) : fail(reader.error());
  });
}

void add_backup(CLI::App& journal, Context& context, const std::shared_ptr<std::string>& folder) {
  CLI::App* command = add_command(
      journal, context,
      {"backup", "copies the journal into a new folder while the store trades, and verifies the copy",
       "  tillsync journal backup /mnt/backup/0417-2026-11-23\n",
       "0 done; 1 the copy's chain is broken; 2 usage, settings, or the folder has a journal; 4 storage"},
      JsonOption::kOffered);
  auto into = std::make_shared<std::string>();
  command->add_option("--journal", *folder, "a journal's folder (default: the settings')");
  command->add_option("FOLDER", *into, "where the copy goes; made where it is missing")->required();
  command->callback([&context, folder, into] { context.exit = backup(context, *folder, *into); });
}

void add_settled(CLI::App& journal, Context& context, const std::shared_ptr<std::string>& folder) {
  CLI::App* command = add_command(
      journal, context,
      {"settled", "says whether every target has all that it is owed, so that the journal is evidence alone",
       "  tillsync journal settled\n",
       "0 nothing is owed; 1 something is; 2 usage or settings; 4 the journal cannot be read"},
      JsonOption::kOffered);
  command->add_option("--journal", *folder, "a journal's folder (default: the settings')");
  command->callback([&context, folder] { context.exit = settled(context, *folder); });
}

}  // namespace

void add_journal(CLI::App& app, Context& context) {
  CLI::App* journal =
      app.add_subcommand("journal", "verifies, exports, imports, backs up or recovers the journal");
  journal->require_subcommand(1);
  auto folder = std::make_shared<std::string>();
  add_verify(*journal, context, folder);
  add_export(*journal, context, folder);
  add_backup(*journal, context, folder);
  add_settled(*journal, context, folder);
  add_recover(*journal, context);
  add_keygen(*journal, context);
  add_import(*journal, context);
}

}  // namespace tillsync::cli
