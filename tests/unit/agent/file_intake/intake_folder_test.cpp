#include "agent/file_intake/intake_folder.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/file_intake/file_intake.h"
#include "agent/file_intake/side_files.h"
#include "tests/support/process.h"
#include "tests/unit/outbox/journal/fixture.h"

using namespace tillsync;
using namespace tillsync::test;
using testing::eventually;
using testing::file_text;
namespace fs = std::filesystem;

namespace {

std::string sale(const std::string& id, const std::string& price = "2.50", bool with_terminal = true) {
  return fmt::format(
      R"({{"id":"{}","type":"sale",{}"occurred_at":"2026-11-23T10:00:00Z","lines":[{{"sku":"X","quantity":1,"unit_price":"{}"}}]}})",
      id, with_terminal ? R"("terminal":"T1",)" : "", price);
}

/// A folder, a journal, and a clock that the test moves.
struct IntakeBench {
  explicit IntakeBench(std::string format = "ndjson") {
    bench.route();
    settings.folder = dir.file("in");
    settings.format = std::move(format);
    fs::create_directory(settings.folder);
    open_journal();
    forget();
  }
  void open_journal() {
    if (!bench.journal) bench.reopen();
    journal = std::make_unique<JournalThread>(std::move(bench.journal), machine_clock, JournalThreadLimits{},
                                              [](const CommitNews&) {});
  }
  /// As after a restart of the daemon: what the intake had seen is gone.
  void forget(IntakeLimits limits = {}) {
    folder.emplace(IntakeFolder::Parts{"tills",
                                       settings,
                                       *journal,
                                       journal_store(),
                                       TimeZone::find("Europe/London").value(),
                                       [this] {
                                         if (while_reading) while_reading();
                                         return has_room;
                                       },
                                       clock,
                                       stopping,
                                       {}},
                   limits);
  }
  std::string file(const std::string& name) const { return settings.folder + "/" + name; }
  void put(const std::string& name, std::string_view text) const {
    std::ofstream(file(name), std::ios::binary) << text;
  }
  /// Looks, lets the files settle, and takes them.
  void take() {
    folder->scan();
    clock.steady += settings.settle;
    folder->scan();
  }
  json::Value reason(const std::string& name) const {
    const auto text = file_text(file("rejected/" + name + ".reason.json"));
    const auto value = json::parse(text);
    REQUIRE_MESSAGE(value.has_value(), name, ": ", text);
    return *value;
  }
  std::int64_t documents() const { return journal->head().value - 1; }  // the routes are the first record
  std::vector<std::string> order() const {
    std::vector<std::string> ids;
    const auto reader = bench.reader();
    for (std::int64_t at = 2; at <= journal->head().value; ++at) {
      const auto stored = reader->load(Sequence{at});
      REQUIRE(stored.has_value());
      REQUIRE(stored->has_value());
      ids.push_back((*stored)->document.id);
    }
    return ids;
  }

  testing::TempDir dir;
  JournalBench bench;
  SystemClock machine_clock;
  JournalClock clock;
  IntakeSettings settings;
  std::atomic<bool> stopping{false};
  bool has_room = true;
  std::function<void()> while_reading;  ///< called before the file is read, and before each commit
  std::unique_ptr<JournalThread> journal;
  std::optional<IntakeFolder> folder;
};

}  // namespace

TEST_CASE("file intake: files are taken by name, and move to done") {
  IntakeBench bench;
  bench.put("b.ndjson", sale("B1") + "\n");
  bench.put("a.ndjson", sale("A1") + "\r\n\n" + sale("A2"));
  bench.take();
  CHECK(bench.order() == std::vector<std::string>{"A1", "A2", "B1"});
  CHECK(fs::exists(bench.file("done/a.ndjson")));
  CHECK(fs::exists(bench.file("done/b.ndjson")));
  CHECK_FALSE(fs::exists(bench.file("a.ndjson")));
  CHECK_FALSE(fs::exists(bench.file("rejected")));
  CHECK(bench.folder->counts().files_taken == 2);
  CHECK(bench.folder->counts().documents_journaled == 3);
  CHECK(bench.folder->counts().files_waiting == 0);
}

TEST_CASE("file intake: a file that has not settled, or has an unfinished name, is left alone") {
  IntakeBench bench;
  for (const char* name : {".hidden", "a.tmp", "a.PART", "a.part"}) bench.put(name, sale("NO"));
  bench.put("a.ndjson", sale("A1"));
  bench.folder->scan();
  bench.clock.steady += bench.settings.settle - std::chrono::milliseconds(1);
  CHECK(bench.folder->scan() == bench.clock.steady + std::chrono::milliseconds(1));  // when it is due
  CHECK(bench.documents() == 0);
  bench.put("a.ndjson", sale("A1") + "\n" + sale("A2"));  // it has grown: it settles anew
  bench.clock.steady += std::chrono::milliseconds(1);
  bench.folder->scan();
  CHECK(bench.documents() == 0);
  CHECK(bench.folder->counts().files_waiting == 1);
  bench.clock.steady += bench.settings.settle;
  bench.folder->scan();
  CHECK(bench.documents() == 2);
  for (const char* name : {".hidden", "a.tmp", "a.PART", "a.part"}) CHECK(fs::exists(bench.file(name)));
}

TEST_CASE(
    "file intake: of a file with one bad document the good ones are taken, and the reason tells which") {
  IntakeBench bench;
  std::string lines;
  for (int i = 1; i <= 100; ++i) lines += (i == 57 ? sale("D57", "-1") : sale(fmt::format("D{}", i))) + "\n";
  bench.put("day.ndjson", lines);
  bench.take();
  CHECK(bench.documents() == 99);
  CHECK(fs::exists(bench.file("rejected/day.ndjson")));
  const auto reason = bench.reason("day.ndjson");
  CHECK(reason.text_of("type") == "urn:tillsync:problem:documents-refused");
  CHECK(reason.find("taken")->as_array()->size() == 2);
  CHECK((*reason.find("taken")->as_array())[0].integer_of("through") == 56);
  CHECK((*reason.find("taken")->as_array())[1].integer_of("from") == 58);
  REQUIRE(reason.find("documents")->as_array()->size() == 1);
  const auto& refused = (*reason.find("documents")->as_array())[0];
  CHECK(refused.integer_of("line") == 57);
  const auto& fault = (*refused.find("problem")->find("errors")->as_array())[0];
  CHECK(fault.text_of("pointer") == "/lines/0/unit_price");
  // Mended and put there again: what was taken already is not taken twice.
  lines.replace(lines.find("\"-1\""), 4, "\"1\"");
  bench.put("day.ndjson", lines);
  bench.take();
  CHECK(bench.documents() == 100);
  CHECK(fs::exists(bench.file("done/day.ndjson")));
  CHECK(bench.folder->counts().documents_had_already == 99);
}

TEST_CASE("file intake: a file read again after a crash is no second time in the journal") {
  IntakeBench bench;
  bench.put("a.ndjson", sale("A1") + "\n" + sale("A2") + "\n");
  fs::copy_file(bench.file("a.ndjson"), bench.dir.file("copy"));
  bench.take();
  REQUIRE(bench.documents() == 2);
  fs::rename(bench.dir.file("copy"), bench.file("a.ndjson"));  // as if it had never moved
  bench.forget();
  bench.take();
  CHECK(bench.documents() == 2);
  CHECK(bench.folder->counts().documents_had_already == 2);
  // done/ has one of that name already: both are kept.
  CHECK(std::distance(fs::directory_iterator(bench.file("done")), {}) == 2);
}

TEST_CASE("file intake: a file that grows while it is read stays, and is read anew") {
  IntakeBench bench;
  bench.put("a.ndjson", sale("A1") + "\n");
  int calls = 0;
  bench.while_reading = [&] {
    if (++calls == 2) std::ofstream(bench.file("a.ndjson"), std::ios::app) << sale("A2") << "\n";
  };
  bench.take();
  CHECK(calls == 2);
  CHECK(bench.documents() == 1);
  CHECK(fs::exists(bench.file("a.ndjson")));
  bench.take();
  CHECK(bench.order() == std::vector<std::string>{"A1", "A2"});
  CHECK(fs::exists(bench.file("done/a.ndjson")));
}

TEST_CASE("file intake: an id with another content is refused") {
  IntakeBench bench;
  bench.put("a.ndjson", sale("A1"));
  bench.put("b.ndjson", sale("A1", "9.99"));
  bench.take();
  CHECK(bench.documents() == 1);
  const auto reason = bench.reason("b.ndjson");
  const auto& refused = (*reason.find("documents")->as_array())[0];
  CHECK(refused.text_of("id") == "A1");
  CHECK(refused.find("problem")->text_of("type") == "urn:tillsync:problem:id-reused");
}

TEST_CASE("file intake: the terminal of the settings stands in where a document has none") {
  IntakeBench bench;
  bench.settings.terminal = "T9";
  bench.put("a.ndjson", sale("A1", "2.50", false) + "\n" + sale("A2") + "\nnonsense\n");
  bench.take();
  CHECK(bench.documents() == 2);
  const auto reader = bench.bench.reader();
  CHECK((*reader->load(Sequence{2}))->document.terminal == "T9");
  CHECK((*reader->load(Sequence{3}))->document.terminal == "T1");
  CHECK((*bench.reason("a.ndjson").find("documents")->as_array())[0].integer_of("line") == 3);
}

TEST_CASE("file intake: with a full disk, or a journal that takes nothing, files stay and keep their order") {
  IntakeBench bench;
  bench.put("a.ndjson", sale("A1"));
  bench.put("b.ndjson", sale("B1"));
  bench.has_room = false;
  bench.take();
  CHECK(bench.documents() == 0);
  CHECK(bench.folder->counts().files_waiting == 2);
  bench.has_room = true;
  bench.journal->refuse_posts();
  bench.folder->scan();
  CHECK(bench.documents() == 0);
  CHECK(fs::exists(bench.file("a.ndjson")));
  CHECK_FALSE(fs::exists(bench.file("rejected")));
  bench.journal.reset();
  bench.open_journal();
  bench.forget();
  bench.take();
  CHECK(bench.order() == std::vector<std::string>{"A1", "B1"});
}

TEST_CASE("file intake: a file that is held back is not overtaken in the same look") {
  IntakeBench bench;
  bench.settings.settle = std::chrono::milliseconds(0);
  bench.put("a.ndjson", sale("A1"));
  bench.put("b.ndjson", sale("B1"));
  int calls = 0;
  bench.while_reading = [&] { bench.has_room = ++calls != 1; };
  bench.folder->scan();
  CHECK(bench.documents() == 0);
  bench.folder->scan();
  CHECK(bench.order() == std::vector<std::string>{"A1", "B1"});
}

TEST_CASE("file intake: what is no file is left where it is, and holds up nothing") {
  IntakeBench bench;
  fs::create_symlink("/etc/passwd", bench.file("0link"));
  REQUIRE(::mkfifo(bench.file("0pipe").c_str(), 0600) == 0);
  fs::create_directory(bench.file("0folder"));
  bench.put("a\n\xff b.ndjson", sale("A1"));
  bench.take();
  CHECK(bench.documents() == 1);
  CHECK(fs::exists(bench.file("done/a\n\xff b.ndjson")));
  CHECK(fs::is_symlink(bench.file("0link")));
  CHECK(fs::is_fifo(bench.file("0pipe")));
  CHECK(fs::is_directory(bench.file("0folder")));
}

TEST_CASE("file intake: an empty file waits for its content, and is rejected where none comes") {
  IntakeBench bench;
  bench.put("a.ndjson", "");
  bench.put("blank.ndjson", "\n \r\n");
  bench.take();
  CHECK(fs::exists(bench.file("a.ndjson")));
  CHECK(bench.reason("blank.ndjson").text_of("type") == "urn:tillsync:problem:empty");
  bench.clock.steady += std::chrono::minutes(1);
  bench.folder->scan();
  CHECK(fs::exists(bench.file("rejected/a.ndjson")));
  CHECK(bench.reason("a.ndjson").text_of("type") == "urn:tillsync:problem:empty");
}

TEST_CASE("file intake: limits of a file and of a document") {
  IntakeBench bench;
  bench.forget({.file_bytes_max = 3'000'000, .sink = {.refused_max = 5}});
  { std::ofstream(bench.file("large.ndjson")).seekp(3'000'000) << '\n'; }
  bench.put("line.ndjson", std::string(kDocumentBytesMax + 1, 'x') + "\n" + sale("A1"));
  bench.put("none.ndjson", "1\n2\n3\n4\n5\n" + sale("BEHIND"));
  bench.take();
  CHECK(bench.order() == std::vector<std::string>{"A1"});
  CHECK(bench.reason("large.ndjson").text_of("type") == "urn:tillsync:problem:too-large");
  CHECK((*bench.reason("line.ndjson").find("documents")->as_array())[0].find("problem")->text_of("type") ==
        "urn:tillsync:problem:too-large");
  const auto gave_up = bench.reason("none.ndjson");
  CHECK(gave_up.find("documents")->as_array()->size() == 5);
  CHECK(gave_up.text_of("detail").find("Behind line 5 nothing was looked at") != std::string::npos);
}

TEST_CASE("file intake: more files than one look holds come in the next, at once") {
  IntakeBench bench;
  bench.settings.settle = std::chrono::milliseconds(0);
  bench.forget({.files_max = 2});
  for (const char* name : {"a", "b", "c"}) bench.put(name, sale(name));
  CHECK(bench.folder->scan() == bench.clock.steady);
  CHECK(bench.documents() == 2);
  CHECK(bench.folder->scan() == bench.clock.steady + bench.settings.scan_every);
  CHECK(bench.order() == std::vector<std::string>{"a", "b", "c"});
  // Where those in front cannot go there is nothing to hurry for.
  for (const char* name : {"d", "e", "f"}) bench.put(name, sale(name));
  fs::rename(bench.file("done"), bench.dir.file("done"));
  bench.put("done", "");
  CHECK(bench.folder->scan() == bench.clock.steady + bench.settings.scan_every);
}

TEST_CASE("file intake: a folder that is not there yet is looked for again") {
  IntakeBench bench;
  fs::remove(bench.settings.folder);
  CHECK(bench.folder->scan() == bench.clock.steady + bench.settings.scan_every);
  fs::create_directory(bench.settings.folder);
  bench.put("a.ndjson", sale("A1"));
  bench.take();
  CHECK(bench.documents() == 1);
}

TEST_CASE("file intake: where a file cannot be moved its documents stand, and the move is tried again") {
  IntakeBench bench;
  bench.put("done", "");  // a file where the folder has to be
  bench.put("a.ndjson", sale("A1"));
  bench.take();
  CHECK(bench.documents() == 1);
  CHECK(fs::exists(bench.file("a.ndjson")));
  fs::remove(bench.file("done"));
  bench.folder->scan();
  CHECK(fs::exists(bench.file("done/a.ndjson")));
  CHECK(bench.documents() == 1);
  CHECK(bench.folder->counts().documents_had_already == 0);  // it was not read again
}

TEST_CASE("file intake: a verdict that finds no room is reached again, and stands") {
  IntakeBench bench;
  bench.forget({.verdicts_bytes_max = 0});
  bench.put("done", "");
  bench.put("a.ndjson", sale("A1"));
  bench.take();
  fs::remove(bench.file("done"));
  bench.folder->scan();
  CHECK(fs::exists(bench.file("done/a.ndjson")));
  CHECK(bench.documents() == 1);
  CHECK(bench.folder->counts().documents_had_already == 1);  // it was read again
}

TEST_CASE("file intake: what is written beside a file never takes the place of another file") {
  IntakeBench bench;
  bench.put("a.reason.json", "nonsense\n");
  bench.take();
  bench.put("a", "nonsense\n");
  bench.take();
  std::size_t whole = 0;
  for (const auto& entry : fs::directory_iterator(bench.file("rejected")))
    whole += file_text(entry.path().string()) == "nonsense\n" ? 1 : 0;
  CHECK(whole == 2);
  CHECK(bench.reason("a").text_of("file") == "a");
}

TEST_CASE("file intake: names of the greatest length have room for what is written beside") {
  const std::string longest(255, 'n');
  CHECK(beside_name("a", ".reason.json") == "a.reason.json");
  CHECK(beside_name(longest, ".reason.json").size() == 255);
  CHECK(beside_name(longest, ".x") != beside_name(longest.substr(0, 254) + "m", ".x"));
  IntakeBench bench;
  bench.put(longest, "nonsense\n");
  bench.take();
  CHECK(fs::exists(bench.file("rejected/" + longest)));
  CHECK(fs::exists(bench.file("rejected/" + beside_name(longest, ".reason.json"))));
}

TEST_CASE("file intake: POSLog goes the same way; what is no document is noted beside the file") {
  IntakeBench bench("poslog");
  const auto transaction = [](int sequence, const std::string& price, const std::string& attributes) {
    return fmt::format(
        "<Transaction "
        "{2}><WorkstationID>T1</WorkstationID><SequenceNumber>{0}</SequenceNumber><BusinessDayDate>"
        "2026-11-20</BusinessDayDate><EndDateTime>2026-11-20T10:00:00</"
        "EndDateTime><RetailTransaction><LineItem><Sale>"
        "<ItemID>a</ItemID><ActualSalesUnitPrice>{1}</ActualSalesUnitPrice></Sale></LineItem><Total "
        "TotalType=\"TransactionGrandAmount\">1.00</Total></RetailTransaction></Transaction>",
        sequence, price, attributes);
  };
  const auto file = [&](const std::string& last) {
    return "<POSLog>" + transaction(1, "1.00", "") + transaction(2, "1.00", "TrainingModeFlag='true'") +
           last + "</POSLog>";
  };
  bench.put("good.xml", file(""));
  bench.put("half.xml", file(transaction(3, "7.00", "")));
  bench.put("not.xml", file("") + "<");
  bench.take();
  CHECK(bench.order() == std::vector<std::string>{"0417:T1:1:2026-11-20"});
  CHECK(fs::exists(bench.file("done/good.xml")));
  const auto notes = json::parse(file_text(bench.file("done/good.xml.notes.json")));
  REQUIRE(notes.has_value());
  CHECK((*notes->find("noted")->as_array())[0].text_of("what") == "training");
  CHECK((*notes->find("noted")->as_array())[0].text_of("id") == "0417:T1:2:2026-11-20");
  const auto half = bench.reason("half.xml");
  CHECK((*half.find("taken")->as_array())[0].integer_of("from") == 1);
  const auto& refused = (*half.find("documents")->as_array())[0];
  CHECK(refused.integer_of("transaction") == 3);
  CHECK(refused.text_of("xpath") == "/POSLog/Transaction[3]");
  CHECK(half.find("noted")->as_array()->size() == 1);
  CHECK(bench.reason("not.xml").text_of("type") == "urn:tillsync:problem:malformed-xml");
}

TEST_CASE("file intake: the thread takes what is renamed into the folder, and many files at the start") {
  IntakeBench bench;
  bench.settings.settle = std::chrono::milliseconds(0);
  bench.settings.scan_every = std::chrono::seconds(60);  // only a hint can be in time
  for (int i = 0; i < 300; ++i) bench.put(fmt::format("early{}.ndjson", i), sale(fmt::format("E{}", i)));
  const auto start = [&] {
    auto intake = FileIntake::start({"tills", bench.settings, *bench.journal, journal_store(),
                                     TimeZone::find("Europe/London").value(), [] { return true; },
                                     bench.machine_clock});
    REQUIRE(intake.has_value());
    return std::move(*intake);
  };
  auto intake = start();
  CHECK(eventually([&] { return intake->counts().files_taken == 300; }, std::chrono::seconds(30)));
  bench.put("late.part", sale("LATE"));
  fs::rename(bench.file("late.part"), bench.file("late.ndjson"));
  CHECK(eventually([&] { return intake->counts().files_taken == 301; }, std::chrono::seconds(30)));
  CHECK(bench.documents() == 301);
  CHECK(fs::exists(bench.file("done/late.ndjson")));
  intake.reset();
  bench.put("after.ndjson", sale("AFTER"));
  CHECK(bench.documents() == 301);
}
