// keygen, signed export and import: a journal carried by hand.
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "agent/assembly/daemon.h"
#include "agent/assembly/damaged.h"
#include "agent/cli/journal_commands.h"
#include "agent/views/document_view.h"
#include "outbox/journal/import.h"
#include "outbox/planner/planner.h"
#include "platform/log/printable.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kExportPage = 500;

Result<std::string> read_key(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty())
    return Error{ErrorKind::kInvalid, "key", "cannot read a key from " + path + "; check path and rights"};
  return text.str();
}

Result<void> write_key(const std::string& path, const std::string& pem, fs::perms rights) {
  std::error_code failed;
  if (fs::exists(path, failed))
    return Error{ErrorKind::kInvalid, "key-exists", path + " exists already; name a new file"};
  std::ofstream file(path, std::ios::binary);
  fs::permissions(path, rights, failed);  // before anything is in it
  file << pem;
  file.close();
  if (failed || !file) return Error{ErrorKind::kStorage, "storage-io", "cannot write " + path};
  return fsync_file(path);
}

Exit keygen(const std::string& out) {
  keep_files_private();
  const auto pair = make_ed25519_pair();
  constexpr auto kOwner = fs::perms::owner_read | fs::perms::owner_write;
  constexpr auto kAll = kOwner | fs::perms::group_read | fs::perms::others_read;
  if (auto done = write_key(out, pair.private_key, kOwner); !done) return fail(done.error());
  if (auto done = write_key(out + ".pub", pair.public_key, kAll); !done) return fail(done.error());
  print("private key: " + printable(out) + " (keep it)\npublic key: " + printable(out) +
        ".pub (give it to whoever imports)\n");
  return Exit::kDone;
}

json::Value import_json(const ImportResult& result) {
  json::Array refused;
  for (const auto& id : result.refused_ids) refused.emplace_back(id);
  return json::Object{{"appended", result.appended},
                      {"documents", result.documents},
                      {"known", result.known},
                      {"facts", result.facts},
                      {"keys_dropped", result.keys_dropped},
                      {"refused", result.refused},
                      {"refused_ids", std::move(refused)}};
}

std::string import_text(const ImportResult& result) {
  if (result.appended == 0) return "the journal has all of it already; nothing was appended\n";
  return "appended " + std::to_string(result.appended) + " records: " + std::to_string(result.documents) +
         " documents and " + std::to_string(result.facts) + " facts about them; " +
         std::to_string(result.known) + " documents were there already\n";
}

Exit import_file(const Context& context, const std::string& file, const std::string& trust) {
  auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  auto pem = read_key(trust);
  if (!pem) return fail(pem.error());
  auto trusted = VerifyingKey::from_pem(*pem);
  if (!trusted) return fail(Exit::kUsage, trust + ": " + trusted.error().detail);
  if (auto ours = check_journal_owner(*settings); !ours) return fail(ours.error());
  keep_files_private();
  const auto& folder = settings->journal.path;
  std::error_code failed;
  fs::create_directories(folder, failed);
  auto lock = FileLock::acquire(folder + "/lock");
  if (!lock && lock.error().kind == ErrorKind::kUnavailable)
    return fail(Exit::kUnreachable, lock.error().detail + ": stop the daemon first");
  if (!lock) return fail(lock.error());
  auto journal = open_sound_journal(JournalOptions{folder, "", {}}, context.clock);
  if (!journal) return fail(journal_unreadable(journal.error()));
  auto routed = (*journal)->begin();
  if (routed) routed = (*journal)->set_routes(routes_from(*settings));
  if (routed) routed = (*journal)->commit();
  if (!routed) return fail(routed.error());
  auto result = import_journal(**journal, ImportOptions{file, settings->store.id, folder + "/import.partial"},
                               *trusted);
  if (!result) return fail(result.error());
  print(context.json ? json::dump(import_json(*result)) + "\n" : import_text(*result));
  if (result->refused == 0) return Exit::kDone;
  std::string ids;
  for (const auto& id : result->refused_ids) ids += (ids.empty() ? "" : ", ") + id;
  return fail(Exit::kNo, std::to_string(result->refused) +
                             " documents were refused: their ids belong to other documents here (" + ids +
                             "); compare both journals");
}

}  // namespace

Exit export_signed(const Context& context, JournalReader& reader, const SignedExportArguments& arguments) {
  auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  auto pem = read_key(arguments.key);
  if (!pem) return fail(pem.error());
  auto key = SigningKey::from_pem(*pem);
  if (!key) return fail(Exit::kUsage, arguments.key + ": " + key.error().detail);
  auto head = reader.head();
  if (!head) return fail(journal_unreadable(head.error()));
  const Sequence to{std::min(arguments.to.value_or(head->sequence.value), head->sequence.value)};
  keep_files_private();
  auto writer = SignedFileWriter::open(
      arguments.out,
      ExportHeader{settings->store.id, Sequence{arguments.from}, to, *head, context.clock.utc_now()});
  if (!writer) return fail(writer.error());
  for (Sequence last{arguments.from - 1}; last < to;) {
    auto records = reader.records(last, kExportPage);
    if (!records) return fail(journal_unreadable(records.error()));
    if (records->empty()) break;
    for (const auto& record : *records) {
      if (record.sequence > to) break;
      auto view = record_view(record);
      if (!view) return fail(view.error());
      if (auto added = writer->add(json::dump(*view)); !added) return fail(added.error());
    }
    last = records->back().sequence;
  }
  if (auto finished = writer->finish(*key); !finished) return fail(finished.error());
  return Exit::kDone;
}

void add_keygen(CLI::App& journal, Context& context) {
  CLI::App* command = add_command(
      journal, context,
      {"keygen", "makes an Ed25519 key pair for signed exports: FILE, and FILE.pub beside it",
       "  tillsync journal keygen --out store.key\n", "0 done; 2 usage, or a file is there; 4 storage"});
  auto out = std::make_shared<std::string>();
  command->add_option("--out", *out, "where the private key goes (mode 0600)")->required();
  command->callback([&context, out] { context.exit = keygen(*out); });
}

void add_import(CLI::App& journal, Context& context) {
  CLI::App* command = add_command(
      journal, context,
      {"import",
       "takes in a signed export of another journal of this store: documents that are not here, and what\n"
       "  became of them there, so that nothing is delivered twice; the daemon has to be stopped",
       "  tillsync journal import /mnt/stick/0417.tsx --trust store.key.pub\n",
       "0 done, safe to repeat; 1 documents were refused, their ids are others' here; 2 usage, settings, or\n"
       "  the file is not whole, not trusted, or another store's; 3 the daemon still runs; 4 storage"},
      JsonOption::kOffered);
  auto file = std::make_shared<std::string>(), trust = std::make_shared<std::string>();
  command->add_option("FILE", *file, "what `journal export --sign` wrote")->required();
  command->add_option("--trust", *trust, "the public key that must have signed it")->required();
  command->callback([&context, file, trust] { context.exit = import_file(context, *file, *trust); });
}

}  // namespace tillsync::cli
