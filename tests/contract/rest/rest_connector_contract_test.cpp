// The rest connector and its read-back against the stand-in central: whole exchanges over loopback, and each
// fault.
#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <set>

#include "agent/connectors/connector_factory.h"
#include "platform/json/json.h"
#include "tests/support/central_process.h"
#include "tests/support/temp_dir.h"

using namespace tillsync;
using std::chrono::milliseconds;
using std::chrono::seconds;
using tillsync::testing::CentralProcess;
using tillsync::testing::TempDir;

namespace {

OutgoingDelivery sale(std::int64_t sequence) {
  OutgoingDelivery made;
  made.key = {Sequence{sequence}, "erp"};
  made.store = "0417";
  made.document_id = "S-" + std::to_string(sequence);
  made.document =
      "{\"id\":\"" + made.document_id +
      "\",\"type\":\"sale\",\"terminal\":\"T1\",\"occurred_at\":\"2026-11-23T09:00:00Z\","
      "\"business_day\":\"2026-11-23\",\"currency\":\"GBP\","
      "\"lines\":[{\"sku\":\"A1\",\"quantity\":\"1\",\"unit_price\":\"2.50\"}],\"total\":\"2.50\"}";
  return made;
}

struct Fixture {
  explicit Fixture(const std::string& token = "") : central(CENTRAL_PROGRAM, dir.path().string(), token) {
    settings.base_url = central.base_url("erp");
    settings.token = {token.empty() ? "" : "file:token"};
    secret = token;
    connect();
  }
  void connect() {
    port = std::move(make_target_port("erp", settings, "0417", *client, clock, reader()).value());
  }
  Credentials::ReadSecret reader() {
    return [this](const SecretReference&) -> Result<std::string> { return secret; };
  }
  std::vector<Outcome> submit(std::vector<OutgoingDelivery> batch) {
    std::optional<std::vector<Outcome>> got;
    port->submit(std::move(batch), [&](std::vector<Outcome> outcomes) { got = std::move(outcomes); });
    while (!got) client->wait(seconds(10));
    return std::move(*got);
  }
  Outcome submit_one(std::int64_t sequence) { return submit({sale(sequence)}).at(0); }
  LookUpAnswer look_up(std::int64_t sequence) {
    std::optional<LookUpAnswer> got;
    port->look_up(sale(sequence), [&](LookUpAnswer answer) { got = std::move(answer); });
    while (!got) client->wait(seconds(10));
    return std::move(*got);
  }
  std::int64_t effects() { return central.ledger("erp").integer_of("effects", -1); }

  TempDir dir;
  CentralProcess central;
  TargetSettings settings;
  std::string secret;
  SystemClock clock;
  std::unique_ptr<http::Client> client = std::move(http::Client::open().value());
  std::unique_ptr<TargetPort> port;
};

}  // namespace

TEST_CASE("rest contract: a delivery has one effect however often it is sent, and is found by look-up") {
  Fixture f;
  CHECK(f.look_up(1).kind == LookUpAnswer::Kind::kAbsent);
  const Outcome first = f.submit_one(1);
  CHECK(first.kind == OutcomeKind::kDelivered);
  CHECK(first.http_status == 201);
  CHECK_FALSE(first.central_reference.empty());
  const Outcome again = f.submit_one(1);
  CHECK(again.kind == OutcomeKind::kDelivered);
  CHECK(again.http_status == 200);
  CHECK(again.central_reference == first.central_reference);
  const auto found = f.look_up(1);
  CHECK(found.kind == LookUpAnswer::Kind::kFound);
  CHECK(found.outcome.central_reference == first.central_reference);
  CHECK(f.effects() == 1);
}

TEST_CASE("rest contract: a batch's deliveries are answered each by itself") {
  Fixture f;
  f.central.faults("erp", R"({"poison":["S-2"]})");
  const auto outcomes = f.submit({sale(1), sale(2), sale(3)});
  REQUIRE(outcomes.size() == 3);
  CHECK(outcomes[0].kind == OutcomeKind::kDelivered);
  CHECK(outcomes[1].kind == OutcomeKind::kRejected);
  CHECK_FALSE(outcomes[1].reason.empty());
  CHECK(outcomes[2].kind == OutcomeKind::kDelivered);
  CHECK(f.effects() == 2);
  // Sent singly, a batch's key is known.
  CHECK(f.submit_one(1).http_status == 200);
}

TEST_CASE("rest contract: each fault gives its outcome") {
  struct Row {
    std::string faults;
    OutcomeKind kind;
    TargetSignal signal;
    std::int64_t effects;
  };
  const Row rows[] = {
      {R"({"status_503":100})", OutcomeKind::kRetryable, TargetSignal::kThrottled, 0},
      {R"({"status_429":100})", OutcomeKind::kRetryable, TargetSignal::kThrottled, 0},
      {R"({"in_progress":100})", OutcomeKind::kRetryable, TargetSignal::kFine, 0},
      {R"({"poison":["S-1"]})", OutcomeKind::kRejected, TargetSignal::kFine, 0},
      {R"({"expired_credentials":true})", OutcomeKind::kRetryable, TargetSignal::kUnauthorized, 0},
      {R"({"status_500_before":100})", OutcomeKind::kUnknown, TargetSignal::kUnreachable, 0},
      {R"({"status_500_after":100})", OutcomeKind::kUnknown, TargetSignal::kUnreachable, 1},
      {R"({"reply_lost_before_commit":100})", OutcomeKind::kUnknown, TargetSignal::kUnreachable, 0},
      {R"({"reply_lost_after_commit":100})", OutcomeKind::kUnknown, TargetSignal::kUnreachable, 1},
      {R"({"outage":true})", OutcomeKind::kUnknown, TargetSignal::kUnreachable, 0},
      {R"({"outage":"refuse503"})", OutcomeKind::kRetryable, TargetSignal::kThrottled, 0},
  };
  Fixture f;
  for (const auto& row : rows) {
    CAPTURE(row.faults);
    f.central.reset("erp");
    f.central.faults("erp", row.faults);
    const Outcome outcome = f.submit_one(1);
    CAPTURE(outcome.reason);
    CHECK(outcome.kind == row.kind);
    CHECK(outcome.signal == row.signal);
    CHECK_FALSE(outcome.reason.empty());
    CHECK(f.effects() == row.effects);
    f.central.faults("erp", "{}");
    // What was unknown is settled by a look-up, and a second send leaves one effect.
    CHECK(f.look_up(1).kind == (row.effects == 1 ? LookUpAnswer::Kind::kFound : LookUpAnswer::Kind::kAbsent));
    CHECK(f.submit_one(1).kind == OutcomeKind::kDelivered);
    CHECK(f.effects() == 1);
  }
}

TEST_CASE("rest contract: the wait that central asks for arrives") {
  Fixture f;
  for (const std::string fault : {"status_503", "status_429", "in_progress"}) {
    CAPTURE(fault);
    f.central.faults("erp", "{\"" + fault + "\":100,\"retry_after_s\":7}");
    CHECK(f.submit_one(1).retry_after == seconds(7));
  }
}

TEST_CASE("rest contract: a reply that is lost on a kept-alive connection leaves one request at central") {
  Fixture f;
  f.submit_one(1);
  f.central.faults("erp", R"({"reply_lost_after_commit":100,"forget_keys_after_s":0})");
  // With its keys forgotten, central would take a second send as a second sale.
  CHECK(f.submit_one(2).kind == OutcomeKind::kUnknown);
  CHECK(f.effects() == 2);
}

TEST_CASE("rest contract: a central that is too slow is unknown, one that is gone was sent nothing") {
  Fixture f;
  f.settings.timeout = milliseconds(300);
  f.connect();
  f.central.faults("erp", R"({"delay_ms":5000})");
  const Outcome slow = f.submit_one(1);
  CHECK(slow.kind == OutcomeKind::kUnknown);
  CHECK(slow.signal == TargetSignal::kUnreachable);
  f.central.kill();
  f.client->wait(milliseconds(50));
  const Outcome gone = f.submit_one(2);
  CHECK(gone.kind == OutcomeKind::kRetryable);
  CHECK(gone.signal == TargetSignal::kUnreachable);
  CHECK(f.look_up(2).kind == LookUpAnswer::Kind::kFailed);
}

TEST_CASE("rest contract: a token that central no longer takes is read again") {
  Fixture f("token-one");
  CHECK(f.submit_one(1).kind == OutcomeKind::kDelivered);
  f.central.faults("erp", R"({"accept_token":"token-two"})");
  CHECK(f.submit_one(2).signal == TargetSignal::kUnauthorized);
  f.secret = "token-two";
  // The refusal above dropped the old token.
  CHECK(f.submit_one(2).kind == OutcomeKind::kDelivered);
}

TEST_CASE("rest contract: central's list is read back page by page") {
  Fixture f;
  constexpr std::int64_t kSales = 450;  // more than two pages
  for (std::int64_t first = 1; first <= kSales; first += 50) {
    std::vector<OutgoingDelivery> batch;
    for (std::int64_t i = first; i < first + 50; ++i) batch.push_back(sale(i));
    for (const auto& outcome : f.submit(batch)) CHECK(outcome.kind == OutcomeKind::kDelivered);
  }
  const auto reader = std::move(make_read_back("erp", f.settings, "0417", f.clock, f.reader()).value());
  const auto day = BusinessDay::parse("2026-11-23").value();
  std::set<std::string> references;
  std::optional<std::string> cursor;
  int pages = 0;
  do {
    const auto page = reader->read_back(day, cursor);
    if (page.has_error()) INFO(page.error().detail);
    REQUIRE(page.has_value());
    for (const auto& row : page->rows) {
      CHECK(row.step == "erp");
      CHECK(row.total == "2.50");
      CHECK(row.currency == "GBP");
      const auto document = json::parse(row.document);
      REQUIRE(document.has_value());
      CHECK(document->text_of("type") == "sale");
      references.insert(row.reference);
    }
    cursor = page->next;
    REQUIRE(++pages < 10);
  } while (cursor);
  CHECK(pages >= 3);
  CHECK(references.size() == kSales);
  CHECK(references.contains("0417/S-450"));
  CHECK(reader->read_back(BusinessDay::parse("2026-11-22").value(), std::nullopt)->rows.empty());
  f.central.kill();
  CHECK(reader->read_back(day, std::nullopt).error().kind == ErrorKind::kUnavailable);
}

TEST_CASE(
    "rest contract: central's digests are what the store reckons of the same rows, in whole and in parts") {
  Fixture f;
  constexpr std::int64_t kSales = 120;
  std::vector<RowDigest> rows;
  for (std::int64_t first = 1; first <= kSales; first += 40) {
    std::vector<OutgoingDelivery> batch;
    for (std::int64_t i = first; i < first + 40; ++i) batch.push_back(sale(i));
    for (const auto& delivery : batch) {
      const auto sorted = json::dump_normalized(json::parse(delivery.document).value());
      rows.push_back(row_digest("0417/" + delivery.document_id, "erp", "2.5", "GBP", sorted));
    }
    for (const auto& outcome : f.submit(batch)) CHECK(outcome.kind == OutcomeKind::kDelivered);
  }
  const auto reader = std::move(make_read_back("erp", f.settings, "0417", f.clock, f.reader()).value());
  DigestPort& digests = *reader->digests();
  const auto day = BusinessDay::parse("2026-11-23").value();
  const auto sum_in = [&](const KeyPrefix& range) {
    RangeSum sum;
    for (const RowDigest& row : rows) {
      if (range.contains(row.key)) sum.add(row);
    }
    return sum;
  };
  const auto days =
      digests.days(BusinessDay::parse("2026-11-01").value(), BusinessDay::parse("2026-11-30").value());
  REQUIRE(days.has_value());
  REQUIRE(days->size() == 1);
  CHECK(days->at(day) == sum_in(KeyPrefix()));

  const auto parts = digests.parts(day, {KeyPrefix()});
  REQUIRE(parts.has_value());
  CHECK(parts->size() == 16);
  std::vector<KeyPrefix> some;
  for (const auto& [range, sum] : *parts) {
    CHECK(sum == sum_in(range));
    if (some.size() < 3) some.push_back(range);
  }
  std::int64_t count = 0;
  const auto smaller = digests.parts(day, some);
  REQUIRE(smaller.has_value());
  for (const auto& [range, sum] : *smaller) {
    CHECK(sum == sum_in(range));
    count += sum.count;
  }
  CHECK(count == sum_in(some[0]).count + sum_in(some[1]).count + sum_in(some[2]).count);

  std::set<std::string> listed;
  const auto page = digests.rows(day, some, std::nullopt);
  REQUIRE(page.has_value());
  for (const auto& row : page->rows) listed.insert(row.reference);
  CHECK(listed.size() == static_cast<std::size_t>(count));
  for (const auto& reference : listed) {
    const auto key = row_key(reference, "erp");
    CHECK((some[0].contains(key) || some[1].contains(key) || some[2].contains(key)));
  }
}
