#include "tests/simulation/fault_points/script.h"

#include <sqlite3.h>

#include "outbox/document/validation.h"
#include "outbox/journal/reader_impl.h"

namespace tillsync::sim {
namespace {

using test::outcome_fact;
using test::sale_document;
using test::sale_post;

// Where the script's documents stand in the journal.
constexpr Sequence kA{2};
constexpr Sequence kB{3};
constexpr Sequence kC{4};
constexpr const char* kCopy = "/sim/copy/journal.db";

/// Of many lines, so that it takes several pages.
DocumentPost large_post(const std::string& id) {
  std::string lines;
  for (int i = 0; i < 150; ++i) {
    lines += (i == 0 ? "" : ",") + std::string(R"({"sku":"SKU-)") + std::to_string(i) +
             R"(","quantity":1,"unit_price":"1.25"})";
  }
  auto checked = parse_document(R"({"id":")" + id +
                                    R"(","type":"sale","terminal":"T1","occurred_at":"2026-11-23T10:00:00Z",)"
                                    R"("business_day":"2026-11-23","lines":[)" +
                                    lines + "]}",
                                test::journal_store());
  REQUIRE(std::holds_alternative<Document>(checked));
  return make_post(std::get<Document>(checked), {});
}

DocumentMeta with_key(const std::string& key) {
  return {"", "", key};
}

Result<void> append_as(Journal& journal, const DocumentPost& post, PostAnswer::Kind kind) {
  auto answer = journal.append(post);
  if (!answer) return answer.error();
  CHECK(answer->kind == kind);
  return ok();
}

Step transaction(const std::string& name, std::function<Result<void>(Journal&)> apply) {
  return {name, [apply = std::move(apply)](Shop& shop) { return shop.transact(apply); }};
}

Step append(const std::string& id, DocumentMeta meta = {}, const std::string& day = "2026-11-23") {
  return transaction("append " + id, [post = sale_post(id, "2.50", day, meta)](Journal& journal) {
    return append_as(journal, post, PostAnswer::Kind::kJournaled);
  });
}

Step outcome(Sequence document, const std::string& target, OutcomeKind kind, int attempt = 1) {
  return transaction("outcome " + std::to_string(document.value) + ":" + target, [=](Journal& journal) {
    return journal.record(outcome_fact(document, target, kind, attempt));
  });
}

Step decision(DecisionFact::Kind kind, Sequence document, const std::string& target) {
  return transaction("decide " + std::string(decision_name(kind)), [=](Journal& journal) -> Result<void> {
    DecisionFact fact;
    fact.kind = kind;
    if (document != Sequence{}) fact.delivery = DeliveryKey{document, target};
    fact.target = target;
    fact.reason = "because";
    fact.by = "ops";
    if (kind == DecisionFact::Kind::kAmend) fact.amended = sale_document("B", "2.75");
    auto decided = journal.decide(fact);
    if (!decided) return decided.error();
    CHECK(*decided == target);
    return ok();
  });
}

Step refused_decision() {
  return transaction("decide on what is settled", [](Journal& journal) -> Result<void> {
    DecisionFact fact;
    fact.kind = DecisionFact::Kind::kDiscard;
    fact.delivery = DeliveryKey{kA, "erp"};
    auto decided = journal.decide(fact);
    CHECK_FALSE(decided.has_value());
    return decided.error().code == "not-quarantined" ? ok() : Result<void>(decided.error());
  });
}

Step checkpoint(bool truncate) {
  return {truncate ? "checkpoint, truncate" : "checkpoint",
          [=](Shop& shop) { return shop.journal->checkpoint(truncate); }};
}

Result<void> read_all(Shop& shop) {
  auto reader = shop.reading();
  if (!reader) return reader.error();
  auto found = (*reader)->find("A");
  if (!found) return found.error();
  CHECK(found->has_value());
  if (*found) CHECK((*found)->document == sale_document("A"));
  int documents = 0;
  auto visited =
      (*reader)->for_each_document(BusinessDay::parse("2026-11-23").value(),
                                   BusinessDay::parse("2026-11-24").value(), [&](const DayDocument&) {
                                     ++documents;
                                     return true;
                                   });
  if (!visited) return visited.error();
  CHECK(documents >= 3);
  auto counts = (*reader)->counts();
  if (!counts) return counts.error();
  CHECK(counts->documents_by_type.at("sale") >= documents);
  return ok();
}

Result<void> copy(Shop& shop) {
  auto reader = shop.reading();
  if (!reader) return reader.error();
  auto* vfs = sqlite3_vfs_find(shop.disk.vfs().c_str());
  for (const std::string& left : {std::string(kCopy), std::string(kCopy) + "-journal"}) {
    (void)vfs->xDelete(vfs, left.c_str(), 0);  // what an earlier try has left
  }
  auto& database = (*reader)->impl().database;
  if (auto set = database.execute("PRAGMA query_only = 0"); !set) return set.error();
  auto done = database.execute("VACUUM INTO '/sim/copy/journal.db'");
  if (auto set = database.execute("PRAGMA query_only = 1"); !set) return set.error();
  return done;
}

Result<void> prune(Journal& journal) {
  auto pruned = journal.prune(1, 1'000);
  if (!pruned) return pruned.error();
  CHECK(pruned->records == 13);  // A and B with every fact about them
  return ok();
}

Result<void> close_all_and_open(Shop& shop) {
  shop.reader.reset();
  return shop.open();
}

std::vector<Step> make_script() {
  using Kind = PostAnswer::Kind;
  using Decision = DecisionFact::Kind;
  return {
      {"open", [](Shop& shop) { return shop.open(); }},
      transaction("routes", [](Journal& journal) { return journal.set_routes(test::both_targets()); }),
      append("A", with_key("K-A")),
      append("B"),
      transaction("append C, D, E and reserve",
                  [posts = std::vector{sale_post("C"), large_post("D"), sale_post("E", "1", "2026-11-24")}](
                      Journal& journal) -> Result<void> {
                    for (const auto& post : posts) {
                      if (auto done = append_as(journal, post, Kind::kJournaled); !done) return done.error();
                    }
                    return journal.reserve("erp", kC);
                  }),
      transaction("replay A under another key",
                  [](Journal& journal) {
                    return append_as(journal, sale_post("A", "2.50", "2026-11-23", with_key("K-A2")),
                                     Kind::kReplayed);
                  }),
      transaction("replay A",
                  [](Journal& journal) { return append_as(journal, sale_post("A"), Kind::kReplayed); }),
      transaction("reuse A's id",
                  [](Journal& journal) { return append_as(journal, sale_post("A", "9"), Kind::kReused); }),
      transaction("reuse A's key",
                  [](Journal& journal) {
                    return append_as(journal, sale_post("Z", "9", "2026-11-23", with_key("K-A")),
                                     Kind::kReused);
                  }),
      {"read", read_all},
      outcome(kA, "erp", OutcomeKind::kDelivered),
      outcome(kA, "crm", OutcomeKind::kRetryable),
      outcome(kA, "crm", OutcomeKind::kDelivered, 2),
      outcome(kB, "erp", OutcomeKind::kRejected),
      transaction("park, and save the frontier",
                  [](Journal& journal) -> Result<void> {
                    if (auto done = journal.park("crm", {{kC, "crm"}}); !done) return done.error();
                    return journal.save_frontier("erp", kA);
                  }),
      refused_decision(),
      decision(Decision::kRetry, kB, "erp"),
      outcome(kB, "erp", OutcomeKind::kUnknown, 2),
      outcome(kB, "erp", OutcomeKind::kRejected, 3),
      decision(Decision::kAmend, kB, "erp"),
      outcome(kB, "erp", OutcomeKind::kDelivered, 4),
      outcome(kB, "crm", OutcomeKind::kRejected),
      decision(Decision::kDiscard, kB, "crm"),
      decision(Decision::kPause, Sequence{}, "crm"),
      checkpoint(false),
      {"read", read_all},
      append("F"),
      decision(Decision::kResume, Sequence{}, "crm"),
      checkpoint(true),
      append("G"),
      {"copy", copy},
      {"close and open", [](Shop& shop) { return shop.open(); }},
      append("H"),
      append("X1", with_key("K-X1"), "2030-01-01"),
      append("X2", {}, "2030-01-02"),
      transaction("prune", prune),
      checkpoint(false),
      append("I", {}, "2030-01-02"),
      {"close all and open", close_all_and_open},
      append("A", with_key("K-A"), "2030-01-02"),
      checkpoint(true),
      append("K", {}, "2030-01-02"),
  };
}

std::string text_of(const Error& error) {
  return error.code + ": " + error.detail;
}

Result<std::vector<std::string>> texts(sqlite::Database& database, const std::string& sql) {
  auto select = database.prepare(sql);
  if (!select) return select.error();
  std::vector<std::string> all;
  while (true) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return all;
    all.push_back(select->text(0));
  }
}

Result<std::string> dump_tables(Shop& shop, const std::string& folder) {
  auto database =
      sqlite::Database::open(folder + "/journal.db", sqlite::OpenMode::kReadOnly, shop.disk.vfs());
  if (!database) return database.error();
  auto tables = texts(*database, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
  if (!tables) return tables.error();
  std::string all;
  for (const auto& table : *tables) {
    auto columns = texts(*database, "SELECT 'quote(' || name || ')' FROM pragma_table_info('" + table + "')");
    if (!columns) return columns.error();
    std::string row;
    for (const auto& column : *columns) row += (row.empty() ? "" : " || ',' || ") + column;
    auto rows = texts(*database, "SELECT " + row + " FROM " + table);
    if (!rows) return rows.error();
    for (const auto& one : *rows) all.append(table).append(": ").append(one).append("\n");
  }
  return all;
}

}  // namespace

Result<void> Shop::open() {
  journal.reset();
  auto opened = Journal::open(JournalOptions{kFolder, disk.vfs()}, clock);
  if (!opened) return opened.error();
  journal = std::move(*opened);
  return ok();
}

Result<void> Shop::transact(const std::function<Result<void>(Journal&)>& apply) {
  if (auto begun = journal->begin(); !begun) return begun.error();
  if (auto applied = apply(*journal); !applied) {
    journal->rollback();
    return applied.error();
  }
  return journal->commit();
}

Result<JournalReader*> Shop::reading() {
  if (reader == nullptr) {
    auto opened = JournalReader::open(kFolder, disk.vfs());
    if (!opened) return opened.error();
    reader = std::move(*opened);
  }
  return reader.get();
}

const std::vector<Step>& script() {
  static const std::vector<Step> steps = make_script();
  return steps;
}

Result<void> run_step(Shop& shop, std::size_t index) {
  // From document X1 on it is three years later, for retention.
  constexpr std::size_t kThreeYearsLater = 33;
  shop.clock.utc = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23) +
                   std::chrono::minutes(static_cast<std::int64_t>(index)) +
                   std::chrono::days(index < kThreeYearsLater ? 0 : 1'130);
  const auto& step = script()[index];
  if (index > 0 && shop.journal == nullptr) {
    if (auto opened = shop.open(); !opened) return opened.error();
  }
  return step.run(shop);
}

std::string dump(Shop& shop, const std::string& folder) {
  if (!shop.disk.content(folder + "/journal.db")) return "";
  auto all = dump_tables(shop, folder);
  return all ? *all : "cannot be read: " + text_of(all.error());
}

std::string check_whole(Shop& shop) {
  auto database = sqlite::Database::open(std::string(kFolder) + "/journal.db", sqlite::OpenMode::kReadOnly,
                                         shop.disk.vfs());
  if (!database) return text_of(database.error());
  auto integrity = database->query_text("PRAGMA integrity_check");
  if (!integrity) return text_of(integrity.error());
  if (*integrity != "ok") return **integrity;
  auto reader = JournalReader::open(kFolder, shop.disk.vfs());
  if (!reader) return text_of(reader.error());
  auto verified = verify_journal(**reader);
  if (!verified) return text_of(verified.error());
  if (!verified->whole) return verified->reason;
  if (shop.journal == nullptr) return "";
  if (shop.journal->head().sequence != verified->head.sequence ||
      shop.journal->head().hash != verified->head.hash) {
    return "the journal's head in memory is not the one on disk";
  }
  auto counts = (*reader)->counts();
  if (!counts) return text_of(counts.error());
  const auto& mind = shop.journal->counts();
  if (!std::equal(std::begin(mind.by_status), std::end(mind.by_status), std::begin(counts->by_status)) ||
      mind.documents_by_type != counts->documents_by_type) {
    return "the journal's counts in memory are not those on disk";
  }
  return "";
}

}  // namespace tillsync::sim
