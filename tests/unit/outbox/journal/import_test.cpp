// A journal carried by hand: signed, checked as a whole, taken in once.
#include "outbox/journal/import.h"

#include <filesystem>
#include <fstream>

#include "platform/crypto/base64.h"
#include "platform/json/json.h"
#include "tests/unit/outbox/journal/everything.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Carried {
  Carried() : pair(make_ed25519_pair()), key(SigningKey::from_pem(pair.private_key).value()) {}

  std::string path(const std::string& name = "export") const { return dir.path().string() + "/" + name; }
  /// All of `from`, as `journal export --sign` writes it.
  std::string write(const JournalBench& from, const std::string& name = "export",
                    const std::string& store = "0417") const {
    auto reader = from.reader();
    const auto head = reader->head().value();
    auto writer = SignedFileWriter::open(path(name), {store, Sequence{1}, head.sequence, head, UtcTime{}});
    REQUIRE(writer.has_value());
    for (const auto& record : reader->records(Sequence{}, 100'000).value()) {
      const auto line = json::dump(
          json::Object{{"sequence", record.sequence.value},
                       {"kind", record_kind_name(record.kind)},
                       {"recorded_at_us", record.recorded_at.time_since_epoch().count()},
                       {"document", record.document ? json::Value(record.document->value) : json::Value()},
                       {"hash", record.hash_hex},
                       {"body", to_base64(record.body)}});
      REQUIRE(writer->add(line).has_value());
    }
    REQUIRE(writer->finish(key).has_value());
    return path(name);
  }
  Result<ImportResult> into(JournalBench& bench, const std::string& file) const {
    return import_journal(*bench.journal, ImportOptions{file, "0417", path("scratch")}, trusted());
  }
  VerifyingKey trusted() const { return VerifyingKey::from_pem(pair.public_key).value(); }
  ImportResult taken(JournalBench& bench, const std::string& file) const {
    auto result = into(bench, file);
    REQUIRE_MESSAGE(result.has_value(), (result ? std::string() : result.error().detail));
    return *result;
  }

  testing::TempDir dir;
  KeyPairPem pair;
  SigningKey key;
};

DeliveryView delivery(const JournalBench& bench, const std::string& id, const std::string& step) {
  auto reader = bench.reader();
  const auto stored = reader->find(id);
  REQUIRE(stored.has_value());
  REQUIRE(stored->has_value());
  for (const auto& view : reader->deliveries((*stored)->sequence).value()) {
    if (view.step == step) return view;
  }
  FAIL("no such delivery");
  return {};
}

}  // namespace

TEST_CASE("import: (I3) what was settled there is settled here, and what was open is looked up first") {
  JournalBench there, here;
  fill_with_everything(there);
  here.route();
  here.append(sale_post("OWN"));
  Carried carried;
  const auto result = carried.taken(here, carried.write(there));
  CHECK(result.documents == 8);
  CHECK(result.refused == 0);
  CHECK(delivery(here, "A2", "erp").state == DeliveryState::kDelivered);
  CHECK(delivery(here, "A2", "erp").central_reference == "C-2");
  CHECK(delivery(here, "A3", "erp").state == DeliveryState::kDelivered);
  CHECK(delivery(here, "A3", "crm").state == DeliveryState::kUnknown);  // pending there
  CHECK(delivery(here, "A4", "erp").state == DeliveryState::kUnknown);  // retrying there
  CHECK(delivery(here, "A5", "erp").state == DeliveryState::kUnknown);
  CHECK(delivery(here, "A6", "erp").state == DeliveryState::kQuarantined);
  CHECK(delivery(here, "A6", "erp").last_error == "unknown SKU");
  CHECK(delivery(here, "A7", "erp").state == DeliveryState::kDiscarded);
  CHECK(delivery(here, "A8", "erp").state == DeliveryState::kUnknown);  // amended there, and open
  const auto sequence = here.reader()->find("A8").value()->sequence;
  CHECK(here.reader()->load_version({sequence, "erp"}).value()->document == sale_document("A8", "9"));
  CHECK(delivery(here, "OWN", "erp").state == DeliveryState::kPending);
  CHECK(here.journal->lane("erp")->reserved > sequence);
  // Each fact names where it comes from.
  int named = 0;
  for (const auto& record : here.reader()->history(sequence).value()) {
    if (record.kind == RecordKind::kOutcome)
      named += decode_outcome(sequence, record.body)->imported_from.empty() ? 0 : 1;
    if (record.kind == RecordKind::kDecision)
      named += decode_decision(sequence, record.body)->imported_from.empty() ? 0 : 1;
  }
  CHECK(named == 4);  // refused, amended; erp and crm maybe sent
  CHECK_MESSAGE(here.verify().whole, here.verify().reason);
}

TEST_CASE("import: the same file again changes nothing, also after work went on here") {
  JournalBench there, here;
  fill_with_everything(there);
  here.route();
  Carried carried;
  const auto file = carried.write(there);
  const auto first = carried.taken(here, file);
  CHECK(first.appended == here.journal->head().sequence.value - 1);
  const auto second = carried.taken(here, file);
  CHECK(second.appended == 0);
  CHECK(second.known == 8);
  const auto a4 = here.reader()->find("A4").value()->sequence;
  const auto a6 = here.reader()->find("A6").value()->sequence;
  here.record(outcome_fact(a4, "erp", OutcomeKind::kRetryable));
  decide(here, a6, DecisionFact::Kind::kRetry);
  CHECK(carried.taken(here, file).appended == 0);
  CHECK(delivery(here, "A4", "erp").state == DeliveryState::kRetrying);
  CHECK(here.verify().whole);
}

TEST_CASE("import: a later export brings what was settled there since") {
  JournalBench there, here;
  there.route();
  here.route();
  const auto sale = there.append(sale_post("A1")).sequence;
  Carried carried;
  CHECK(carried.taken(here, carried.write(there, "first")).documents == 1);
  CHECK(delivery(here, "A1", "erp").state == DeliveryState::kUnknown);
  there.deliver(sale);
  const auto later = carried.taken(here, carried.write(there, "second"));
  CHECK(later.facts == 2);
  CHECK(delivery(here, "A1", "erp").state == DeliveryState::kDelivered);
}

TEST_CASE("import: another document under the same id is refused and told, the others come in") {
  JournalBench there, here;
  there.route();
  here.route();
  there.deliver(there.append(sale_post("SAME", "1.00")).sequence);
  there.append(sale_post("OTHER", "1.00", "2026-11-23", {"", "", "key"}));
  here.append(sale_post("SAME", "2.00"));
  here.append(sale_post("KEYED", "2.00", "2026-11-23", {"", "", "key"}));
  Carried carried;
  const auto result = carried.taken(here, carried.write(there));
  CHECK(result.refused == 1);
  CHECK(result.refused_ids == std::vector<std::string>{"SAME"});
  CHECK(result.documents == 1);
  CHECK(result.keys_dropped == 1);
  CHECK(delivery(here, "SAME", "erp").state == DeliveryState::kPending);
  CHECK(here.verify().whole);
}

TEST_CASE(
    "import: of a file that is cut, changed, re-ordered, foreign or signed by another nothing is used") {
  JournalBench there, here;
  fill_with_everything(there);
  here.route();
  const auto head = here.journal->head();
  Carried carried;
  const auto good = text_of(carried.write(there));
  const auto refused = [&](const std::string& text, const std::string& code) {
    std::ofstream(carried.path("bad"), std::ios::binary) << text;
    const auto result = carried.into(here, carried.path("bad"));
    REQUIRE(!result.has_value());
    CHECK(result.error().code == code);
    CHECK(result.error().kind == ErrorKind::kInvalid);
    CHECK(here.journal->head().sequence == head.sequence);
  };
  const auto lines_end = good.rfind('\n', good.size() - 2) + 1;
  const auto second = good.find('\n') + 1, third = good.find('\n', second) + 1;
  const auto fourth = good.find('\n', third) + 1;
  refused("", "export-truncated");
  refused(good.substr(0, 20), "export-format");
  refused(good.substr(0, good.find('\n') + 1), "export-truncated");
  refused(good.substr(0, lines_end), "export-truncated");
  refused(good.substr(0, good.size() - 1), "export-truncated");
  refused(good.substr(0, good.size() - 30), "export-truncated");
  refused("{\"format\":\"else\"}\n" + good, "export-format");
  refused(good.substr(0, second) + good.substr(third), "export-altered");  // a record left out
  refused(good.substr(0, second) + good.substr(third, fourth - third) + good.substr(second, third - second) +
              good.substr(fourth),
          "export-altered");  // two changed places
  for (std::size_t at = 0; at < lines_end; at += 97) {
    auto changed = good;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    std::ofstream(carried.path("bad"), std::ios::binary) << changed;
    const auto result = carried.into(here, carried.path("bad"));
    CHECK(!result.has_value());
  }
  // The signature's own line too: there is no other way to write the same.
  for (std::size_t at = lines_end; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      auto changed = good;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      std::ofstream(carried.path("bad"), std::ios::binary) << changed;
      const auto result = check_signed_file(carried.path("bad"), carried.trusted());
      CHECK_MESSAGE(!result.has_value(), "byte " << at - lines_end << " of the signature's line");
    }
  }
  for (const auto* from : {"0", "-9223372036854775808"}) {  // before anything is proven
    auto header = good.substr(0, good.find('\n'));
    const auto place = header.find("\"from\":1,");
    REQUIRE(place != std::string::npos);
    header.replace(place, 9, std::string("\"from\":") + from + ",");
    refused(header + good.substr(good.find('\n')), "export-format");
  }
  Carried stranger;
  CHECK(carried.into(here, stranger.write(there)).error().code == "export-untrusted");
  CHECK(carried.into(here, carried.write(there, "foreign", "0999")).error().code == "other-store");
  CHECK(here.journal->head().sequence == head.sequence);
  CHECK(carried.taken(here, carried.path()).documents == 8);  // the good one still is
}

TEST_CASE(
    "import: cut short after any transaction, the next one comes to the same, and nothing is sent blindly") {
  JournalBench there;
  there.route();
  REQUIRE(there.journal->begin().has_value());
  for (int i = 0; i < 1'200; ++i) {
    const auto sequence = there.journal->append(sale_post("D" + std::to_string(i)))->sequence;
    if (i % 2 == 0)
      REQUIRE(there.journal->record(outcome_fact(sequence, "erp", OutcomeKind::kDelivered)).has_value());
  }
  REQUIRE(there.journal->commit().has_value());
  Carried carried;
  const auto file = carried.write(there);
  JournalBench once;
  once.route();
  carried.taken(once, file);
  for (const int records : {600, 1'100}) {
    JournalBench here;
    here.route();
    // The document at which the disk fills ends the import: its transaction is rolled back, those before
    // stand.
    here.journal.reset();
    const auto limit = "CREATE TRIGGER full BEFORE INSERT ON record WHEN new.sequence > " +
                       std::to_string(records) + " BEGIN SELECT RAISE(ABORT, 'no'); END";
    here.tamper(limit);
    here.reopen();
    CHECK(!carried.into(here, file).has_value());
    const auto cut = here.journal->head().sequence;
    CHECK(cut.value > 1);
    CHECK(cut.value <= records);
    for (const std::string target : {"erp", "crm"})
      CHECK(here.journal->lane(target)->reserved == cut);  // (I3)
    here.tamper("DROP TRIGGER full");
    here.reopen();
    carried.taken(here, file);
    for (const std::string step : {"erp", "crm"}) {
      for (int i = 0; i < 1'200; i += 53) {
        const auto id = "D" + std::to_string(i);
        CHECK(delivery(here, id, step).state == delivery(once, id, step).state);
      }
    }
    CHECK(here.journal->counts().targets.at("erp").delivered == 600);
    CHECK(carried.taken(here, file).appended == 0);
    CHECK(here.verify().whole);
  }
}
