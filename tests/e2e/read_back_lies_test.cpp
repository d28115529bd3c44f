// Central lies about what it has, in every way at once: the report finds each lie and nothing else, by
// digests as by whole lists.
#include <doctest/doctest.h>

#include <fmt/format.h>
#include <set>

#include <cstdlib>
#include <filesystem>

#include "tests/e2e/trading.h"
#include "tests/support/real_data.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr std::size_t kEach = 20;

struct Posted {
  std::string id, type, day, body;
};

/// Which documents a lie is about, and what the report must say of them.
struct Lies {
  std::set<std::string> missing, doubled, extra;
  std::set<std::pair<std::string, std::string>> different;  ///< id and member
  json::Object faults;
};

/// The lies are spread over the documents; those about money and lines want a sale or a return.
Lies lies_about(const std::vector<Posted>& documents) {
  Lies lies;
  json::Array missing, doubled, extra;
  json::Object total, line;
  const std::size_t stride = documents.size() / (5 * kEach + 5);
  std::size_t at = 0, kind = 0;
  const auto next_trade = [&] {
    for (at += stride; documents.at(at).type != "sale" && documents[at].type != "return";) ++at;
    return documents[at];
  };
  for (std::size_t i = 0; i < 5 * kEach; ++i) {
    const Posted document = next_trade();
    const std::string& id = document.id;
    switch (kind++ % 5) {
      case 0:
        lies.missing.insert(id);
        missing.emplace_back(id);
        break;
      case 1:
        lies.doubled.insert(id);
        doubled.emplace_back(id);
        break;
      case 2:
        lies.different.emplace(id, "/total");
        total.emplace_back(id, "7654321.09");
        break;
      case 3:
        lies.different.emplace(id, "/lines/0/unit_price");
        line.emplace_back(id, json::Object{{"pointer", "/lines/0/unit_price"}, {"value", "7654.32"}});
        break;
      default:
        lies.different.emplace(id, "/lines/0/sku");
        line.emplace_back(id, json::Object{{"pointer", "/lines/0/sku"}, {"value", "SWAPPED"}});
    }
  }
  for (std::size_t i = 0; i < kEach; ++i) {
    const std::string id = fmt::format("NEVER-{}", i);
    lies.extra.insert(id);
    extra.push_back(json::Object{
        {"reference", "0417/" + id},
        {"step", "erp"},
        {"central_reference", "ERP-" + id},
        {"total", "12.50"},
        {"currency", "GBP"},
        {"recorded_at", "2026-11-20T12:00:00Z"},
        {"document", json::Object{{"id", id}, {"type", "sale"}, {"business_day", documents.at(i).day}}}});
  }
  lies.faults.emplace_back("read_back_lie", json::Object{{"missing", std::move(missing)},
                                                         {"doubled", std::move(doubled)},
                                                         {"extra", std::move(extra)},
                                                         {"total", std::move(total)},
                                                         {"line", std::move(line)}});
  return lies;
}

std::set<std::string> ids_of(const json::Value& target, const char* list) {
  std::set<std::string> ids;
  for (const auto& entry : *target.find(list)->as_array()) ids.emplace(entry.text_of("id"));
  CHECK(ids.size() == target.find(list)->as_array()->size());  // nothing twice
  return ids;
}

void check_found(const json::Value& report, const Lies& lies, std::size_t documents) {
  const json::Value& erp = *report.find("targets")->find("erp");
  CHECK((ids_of(erp, "missing") == lies.missing));
  std::set<std::string> unexpected = lies.doubled;
  unexpected.insert(lies.extra.begin(), lies.extra.end());
  CHECK((ids_of(erp, "unexpected") == unexpected));
  for (const auto& entry : *erp.find("unexpected")->as_array())
    CHECK((entry.text_of("reason") == "doubled") == lies.doubled.contains(std::string(entry.text_of("id"))));
  std::set<std::pair<std::string, std::string>> different;
  for (const auto& entry : *erp.find("different")->as_array())
    different.emplace(entry.text_of("id"), entry.text_of("member"));
  CHECK((different == lies.different));
  CHECK(erp.find("different")->as_array()->size() == lies.different.size());
  CHECK(erp.find("pending")->as_array()->empty());
  CHECK(erp.find("quarantined")->as_array()->empty());
  CHECK(erp.integer_of("matched") ==
        static_cast<std::int64_t>(documents - lies.missing.size() - lies.different.size()));
}

/// Without what tells when it was made, and what the journal has learned meanwhile: what is read back becomes
/// a conflict once, and moves its head.
std::string timeless(const json::Value& report) {
  static const std::set<std::string> kMoving = {"generated_at", "signature", "slo", "conflicts"};
  json::Object members;
  for (const auto& [name, value] : *report.as_object()) {
    if (kMoving.contains(name)) continue;
    const auto* inner = name == "targets" ? value.find("erp") : name == "journal" ? &value : nullptr;
    if (inner == nullptr) {
      members.emplace_back(name, value);
      continue;
    }
    json::Object kept;
    for (const auto& member : *inner->as_object())
      if (member.first != "read_back_at" && member.first != "head") kept.push_back(member);
    members.emplace_back(name, std::move(kept));
  }
  return json::dump(members);
}

/// One store, one central and their day.
struct Shop {
  TempDir dir;
  CentralProcess central{CENTRAL_PROGRAM, dir.path().string()};
  Store store{{.central = fmt::format("http://127.0.0.1:{}", central.port()),
               .targets = {"erp"},
               .target_lines = "concurrency = 16\nbatch_max = 100\n"}};

  void trade(const std::vector<Posted>& documents) {
    store.start();
    std::vector<std::string> bodies;
    for (const Posted& document : documents) bodies.push_back(document.body);
    Till till(store, std::move(bodies), 500);
    REQUIRE(till.post_all());
    for (const auto& answer : till.answers()) REQUIRE(answer.status == 201);
    REQUIRE(store.drain(120) == 0);
  }

  struct Read {
    json::Value report;
    std::int64_t digest_requests, list_requests, bytes;
  };
  /// All days from an empty view.
  Read read(json::Object faults, const char* digests, const std::string& from, const std::string& to) {
    REQUIRE(store.stop() == 0);
    for (const char* suffix : {"", "-wal", "-shm"})
      std::filesystem::remove(store.journal_folder() + "/central.db" + suffix);
    faults.emplace_back("digests", digests);
    central.faults("erp", json::dump(faults));
    const auto before = central.counters("erp");
    store.start();
    // A report waits for central so long and no longer; on a machine that is busy all days may take longer.
    auto balance = store.report(from, to);
    CHECK(eventually(
        [&] {
          const auto* current = balance.report.find("targets")->find("erp")->find("read_back_is_current");
          const bool read = current != nullptr && current->as_bool() != nullptr && *current->as_bool();
          if (!read) balance = store.report(from, to);
          return read;
        },
        std::chrono::seconds(120)));
    const auto after = central.counters("erp");
    const auto grown = [&](const char* name) { return after.integer_of(name) - before.integer_of(name); };
    return {std::move(balance.report), grown("digest_requests"),
            grown("read_back_requests") - grown("digest_requests"), grown("read_back_bytes_sent")};
  }
};

void prove(const std::vector<Posted>& documents) {
  const auto [first, last] = std::minmax_element(documents.begin(), documents.end(),
                                                 [](const auto& a, const auto& b) { return a.day < b.day; });
  const std::string from = first->day, to = last->day;
  Shop shop;
  shop.trade(documents);

  const auto honest = shop.read({}, "on", from, to);
  REQUIRE(honest.report.find("balanced") != nullptr);
  CHECK(*honest.report.find("balanced")->as_bool());
  CHECK(honest.list_requests == 0);
  CHECK(honest.digest_requests >= 1);
  CHECK(honest.digest_requests <= 3);  // one for all days; more where the machine is slow

  const Lies lies = lies_about(documents);
  const auto by_digests = shop.read(lies.faults, "on", from, to);
  check_found(by_digests.report, lies, documents.size());
  CHECK(by_digests.digest_requests > 1);
  const auto whole = shop.read(lies.faults, "off", from, to);
  check_found(whole.report, lies, documents.size());
  CHECK(whole.digest_requests == 1);
  CHECK((timeless(by_digests.report) == timeless(whole.report)));
  MESSAGE(fmt::format("{} documents; honest: {} bytes; {} lies by digests: {} bytes, whole: {} bytes",
                      documents.size(), honest.bytes, 6 * kEach, by_digests.bytes, whole.bytes));
  CHECK(by_digests.bytes < whole.bytes);

  const auto contradicting = shop.read(lies.faults, "contradicting", from, to);
  CHECK((timeless(contradicting.report) == timeless(whole.report)));
  CHECK(shop.store.log().find("reconcile.digests_unused") != std::string::npos);
}

}  // namespace

TEST_CASE(
    "lies: missing, extra, altered and doubled rows of a day are found exactly, by digests as by lists") {
  std::vector<Posted> documents;
  for (const auto& till :
       make_trading_day({.seed = 12, .documents = 3'000, .tills = 6, .day = day_of("2026-11-20")})) {
    for (const auto& document : till)
      documents.push_back({document.id, document.type, "2026-11-20", document.body});
  }
  prove(documents);
}

TEST_CASE("real data: lies about weeks of trade are found exactly, by digests as by lists") {
  const auto real = test::real_documents();
  if (!real) {
    const char* ci = std::getenv("CI");
    REQUIRE_MESSAGE((ci == nullptr || std::string_view(ci) != "true"), "the real data is not here");
    MESSAGE("the real data is not on this machine (TILLSYNC_REAL_DATA); nothing is tried");
    return;
  }
  constexpr std::size_t kDocuments = 2'500;
  std::vector<Posted> documents;
  for (const auto& document : *real) {
    if (document.type == "account_adjustment") continue;
    const auto body = parsed(document.body);
    // By day, long after the cut-over.
    const std::string day(body.text_of("occurred_at").substr(0, 10));
    documents.push_back({std::string(body.text_of("id")), document.type, day, document.body});
    if (documents.size() == kDocuments) break;
  }
  REQUIRE(documents.size() == kDocuments);
  prove(documents);
}
