#include "tests/torture/trade.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

namespace tillsync::testing {
namespace {

constexpr const char* kDay = "2026-11-20";
constexpr std::size_t kAtOnceMax = 4;

bool is_decimal(std::string_view text) {
  return Decimal::parse(text, Decimal::kDecimals).has_value();
}

/// Whether `stored` says all that `posted` says: members may be added (defaults), amounts written otherwise.
bool holds(const json::Value& stored, const json::Value& posted) {
  if (const auto* members = posted.as_object()) {
    return std::all_of(members->begin(), members->end(), [&](const auto& member) {
      const auto* found = stored.find(member.first);
      return found != nullptr && holds(*found, member.second);
    });
  }
  if (const auto* items = posted.as_array()) {
    const auto* others = stored.as_array();
    return others != nullptr &&
           std::equal(others->begin(), others->end(), items->begin(), items->end(), holds);
  }
  const auto* text = posted.as_string();
  const auto* other = stored.as_string();
  if (text != nullptr && other != nullptr && is_decimal(*text) && is_decimal(*other)) {
    return Decimal::parse(*text, Decimal::kDecimals).value() ==
           Decimal::parse(*other, Decimal::kDecimals).value();
  }
  return stored == posted;
}

struct Journaled {
  std::int64_t sequence;
  json::Value document;
};

/// The journal's documents by id, out of its own export; its sequence must be without a gap.
std::map<std::string, Journaled> journaled_documents(const Store& store) {
  constexpr int kPage = 2'000;
  std::map<std::string, Journaled> documents;
  std::int64_t last = 0;
  for (;;) {
    const auto page = store.ops("GET", fmt::format("/v1/journal?after={}&limit={}", last, kPage));
    REQUIRE(page.has_value());
    REQUIRE(page->status == 200);
    if (page->body.empty()) return documents;
    for (const auto& record : ndjson(page->body)) {
      REQUIRE(record.integer_of("sequence") == last + 1);
      ++last;
      if (record.text_of("kind") != "document") continue;
      const auto* document = record.find("content")->find("document");
      REQUIRE(document != nullptr);
      const bool fresh =
          documents.emplace(std::string(document->text_of("id")), Journaled{last, *document}).second;
      REQUIRE(fresh);
    }
  }
}

/// A return's effect stands behind its sale's (I4).
void check_order(CentralProcess& central, const std::string& target, const BusyShop& shop) {
  std::map<std::string, std::int64_t> effects;
  for (std::int64_t after = 0;;) {
    const auto page = central.effects(target, after);
    const auto& list = *page.find("effects")->as_array();
    if (list.empty()) break;
    for (const auto& effect : list) {
      after = effect.integer_of("id");
      effects.emplace(effect.text_of("reference"), after);
    }
  }
  for (const auto& till : shop.tills()) {
    for (const auto& document : till->day()) {
      if (document.type != "return") continue;
      const auto body = parsed(document.body);
      const auto sale = effects.find("0417/" + std::string(body.find("original")->text_of("id")));
      const auto undone = effects.find("0417/" + document.id);
      REQUIRE(sale != effects.end());
      REQUIRE(undone != effects.end());
      CHECK(sale->second < undone->second);
    }
  }
}

std::vector<TillDay> days(const BusyShop::Options& options) {
  return make_trading_day({.seed = options.seed % 1'000'000,
                           .documents = options.documents,
                           .tills = options.tills,
                           .day = day_of(kDay)});
}

}  // namespace

std::uint64_t torture_seed() {
  const char* given = std::getenv("TILLSYNC_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  MESSAGE("TILLSYNC_SEED=" << seed);
  return seed;
}

int torture_rounds() {
  constexpr int kDefault = 60;
  const char* given = std::getenv("TILLSYNC_TORTURE_ROUNDS");
  return given != nullptr ? std::max(1, std::atoi(given)) : kDefault;
}

BusyTill::BusyTill(Door door, TillDay day, std::uint64_t seed)
    : door_(std::move(door)), day_(std::move(day)), random_(seed), allowed_(day_.size()) {
  thread_ = std::thread([this] { run(); });
}

BusyTill::~BusyTill() {
  stopping_ = true;
  thread_.join();
}

bool BusyTill::finish(std::chrono::seconds patience) {
  allow(day_.size());
  eventually([this] { return ended_.load(); }, patience);
  return ended_ && done_ == day_.size();
}

void BusyTill::run() {
  std::optional<RawConnection> connection;
  while (done_ < day_.size() && !stopping_ && outrage_.empty()) {
    if (done_ >= allowed_) {
      sleep_briefly();
      continue;
    }
    try {
      if (!connection) {
        connection.emplace(door_.unix_socket.empty() ? RawConnection::tcp(door_.port)
                                                     : RawConnection::unix_socket(door_.unix_socket));
        connection->set_patience(door_.patience);
      }
      if (post_some(*connection)) continue;
    } catch (const std::runtime_error&) {  // nobody listens, or the answer was cut
    }
    connection.reset();
    ++retries_;
    sleep_briefly();
  }
  ended_ = true;
}

/// False where the connection is of no more use.
bool BusyTill::post_some(RawConnection& connection) {
  const std::size_t begin = done_;
  const std::size_t end = std::min({begin + 1 + random_.below(kAtOnceMax), day_.size(), allowed_.load()});
  if (end == begin + 1 && random_.below(2) == 0) {
    if (!connection.send(raw_request("POST", "/v1/documents", day_[begin].body, kJson))) return false;
    const auto answer = connection.response();
    return answer && take(answer->status, parsed(answer->body), day_[begin].id);
  }
  std::string body;
  for (std::size_t i = begin; i < end; ++i) body.append(day_[i].body).append("\n");
  if (!connection.send(raw_request("POST", "/v1/documents", body, kNdjson))) return false;
  const auto answer = connection.response();
  if (!answer) return false;
  if (answer->status != 200) return take(answer->status, parsed(answer->body), {});
  const auto lines = ndjson(answer->body);
  if (lines.size() != end - begin) return false;
  for (std::size_t i = begin; i < end; ++i) {
    const auto& line = lines[i - begin];
    if (!take(static_cast<int>(line.integer_of("status")), line, day_[i].id)) return false;
  }
  return true;
}

bool BusyTill::take(int status, const json::Value& body, const std::string& id) {
  if (status == 200 || status == 201) {
    answers_.push_back({status, id, body.integer_of("sequence")});
    ++done_;
    return true;
  }
  if (status != 503 && status != 507 && status != 408)
    outrage_ = fmt::format("{} {}", status, json::dump(body));
  return false;
}

BusyShop::BusyShop(const Store& store, Options options) {
  for (auto& day : days(options)) {
    Door door{tills_.size() % 2 == 0 ? store.socket() : "", store.till_port(), options.patience};
    tills_.push_back(std::make_unique<BusyTill>(door, std::move(day), options.seed + tills_.size()));
    tills_.back()->allow(0);
  }
}

BusyShop::BusyShop(std::uint16_t port, Options options) {
  for (auto& day : days(options)) {
    tills_.push_back(std::make_unique<BusyTill>(Door{"", port, options.patience}, std::move(day),
                                                options.seed + tills_.size()));
    tills_.back()->allow(0);
  }
}

void BusyShop::allow(int share, int whole) {
  for (auto& till : tills_) {
    till->allow(till->day().size() * static_cast<std::size_t>(share) / static_cast<std::size_t>(whole));
  }
}

bool BusyShop::finish(std::chrono::seconds patience) {
  allow(1, 1);
  return std::all_of(tills_.begin(), tills_.end(), [&](auto& till) { return till->finish(patience); });
}

std::size_t BusyShop::done() const {
  std::size_t done = 0;
  for (const auto& till : tills_) done += till->done();
  return done;
}

int BusyShop::retries() const {
  int retries = 0;
  for (const auto& till : tills_) retries += till->retries();
  return retries;
}

std::size_t BusyShop::documents() const {
  std::size_t documents = 0;
  for (const auto& till : tills_) documents += till->day().size();
  return documents;
}

void check_journal(const Store& store, const BusyShop& shop, int others) {
  const auto journal = journaled_documents(store);
  CHECK(journal.size() == shop.documents() + static_cast<std::size_t>(others));
  for (const auto& till : shop.tills()) {
    std::int64_t before = 0;
    for (std::size_t i = 0; i < till->day().size(); ++i) {
      const auto& document = till->day()[i];
      CAPTURE(document.id);
      const auto found = journal.find(document.id);
      REQUIRE(found != journal.end());
      CHECK(found->second.sequence == till->answers()[i].sequence);
      CHECK(holds(found->second.document, parsed(document.body)));
      CHECK(found->second.sequence > before);  // a till's documents stand in the order of its posts
      before = found->second.sequence;
    }
  }
}

void check_all_came_through(Store& store, CentralProcess& central, const BusyShop& shop) {
  for (const auto& till : shop.tills()) {
    CHECK(till->outrage() == "");
    REQUIRE(till->answers().size() == till->day().size());
  }
  REQUIRE(store.drain(120) == 0);
  check_journal(store, shop);
  Expected expected;
  for (const auto& till : shop.tills()) {
    for (const auto& document : till->day()) expected.add(document.id, document.type, document.total);
  }
  for (const char* target : {"erp", "crm"}) {
    check_ledger(central, target, expected);
    check_order(central, target, shop);
  }
  check_balanced(store.settled_report(kDay, kDay), expected, {"erp", "crm"});
  CHECK(store.stop() == 0);
  const auto verified = store.command({"journal", "verify"});
  CHECK_MESSAGE(verified.status == 0, verified.errors);
}

int post_status(std::uint16_t port, std::string_view body) {
  try {
    const auto answer = raw_exchange(port, "POST", "/v1/documents", body, kJson);
    return answer ? answer->status : 0;
  } catch (const std::runtime_error&) {
    return 0;
  }
}

}  // namespace tillsync::testing
