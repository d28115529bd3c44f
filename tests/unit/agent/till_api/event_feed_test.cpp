#include "agent/till_api/event_feed.h"

#include <atomic>
#include <thread>

#include "tests/support/event_stream.h"
#include "tests/support/process.h"
#include "tests/support/raw_http.h"
#include "tests/unit/outbox/journal/fixture.h"

using namespace tillsync;
using namespace tillsync::test;
using namespace tillsync::testing;
using namespace std::chrono_literals;

namespace {

/// A feed over a real journal, behind a server on loopback, with its loop on a thread.
class FeedBench {
 public:
  explicit FeedBench(EventFeedLimits limits = {}, ServerOptions options = {}) {
    bench_.route();
    const auto folder = bench_.folder();
    journal_ = std::make_unique<JournalThread>(std::move(bench_.journal), clock_, JournalThreadLimits{},
                                               [this](const CommitNews&) {
                                                 if (feed_ready_) feed_->committed();
                                               });
    workers_ = std::move(WorkerPool::start(folder, 2).value());
    feed_ = std::make_unique<EventFeed>(loop_, *journal_, *workers_, limits);
    feed_ready_ = true;
    options.protocol_error = [](ProtocolError) { return text_response(400, ""); };
    server_ = std::make_unique<HttpServer>(loop_, std::move(options),
                                           [this](ServerRequest request, const Responder& respond) {
                                             feed_->open(std::move(request), respond);
                                           });
    REQUIRE(server_->listen_tcp("127.0.0.1:0").has_value());
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~FeedBench() {
    loop_.stop();
    thread_.join();
    server_.reset();
    workers_.reset();
    journal_.reset();
  }

  /// Appends in one transaction: a document, and an outcome at each target. The last one's sequence.
  std::int64_t deliver(const std::string& id) {
    std::atomic<std::int64_t> last{0};
    journal_->run(
        [&](Journal& journal) -> Result<void> {
          auto answer = journal.append(sale_post(id));
          if (!answer) return answer.error();
          for (const char* target : {"crm", "erp"}) {
            if (auto done = journal.record(outcome_fact(answer->sequence, target, OutcomeKind::kDelivered));
                !done)
              return done.error();
          }
          return ok();
        },
        [&](const Result<void>& done) { last = done ? journal_->head().value : -1; });
    REQUIRE(eventually([&] { return last != 0; }));
    REQUIRE(last > 0);
    return last;
  }
  EventStream stream(const std::string& place = {}, const std::string& query = {}) const {
    std::vector<std::string> arguments{"http://127.0.0.1:" + std::to_string(server_->tcp_port()) +
                                       "/v1/events" + query};
    if (!place.empty()) arguments.insert(arguments.end(), {"-H", "Last-Event-ID: " + place});
    return EventStream(arguments);
  }
  /// With its greeting read.
  EventStream open(const std::string& place = {}, const std::string& query = {}) const {
    auto opened = stream(place, query);
    REQUIRE(opened.greeted());
    return opened;
  }
  RawResponse refusal(const std::string& headers, const std::string& query = {}) const {
    return raw_exchange(server_->tcp_port(), "GET", "/v1/events" + query, {}, headers).value();
  }
  void stop() {
    loop_.post([this] { feed_->stop(); });
  }
  std::int64_t head() const { return journal_->head().value; }
  std::size_t connections() const { return server_->connections(); }

 private:
  JournalBench bench_;
  SystemClock clock_;
  EventLoop loop_;
  std::atomic<bool> feed_ready_{false};
  std::unique_ptr<EventFeed> feed_;
  std::unique_ptr<JournalThread> journal_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

/// The ids of the next `count` events.
std::vector<std::int64_t> take(EventStream& stream, std::size_t count) {
  std::vector<std::int64_t> ids;
  while (ids.size() < count) {
    const auto event = stream.next();
    REQUIRE(event);
    CHECK(json::parse(event->data)->integer_of("sequence") == std::stoll(event->id));
    ids.push_back(std::stoll(event->id));
  }
  return ids;
}

}  // namespace

TEST_CASE("event feed: who comes without a place is told what is committed from then on") {
  FeedBench bench;
  const auto before = bench.deliver("A1");
  auto stream = bench.open();
  CHECK(stream.curl().head().find("Content-Type: text/event-stream\r\n") != std::string::npos);
  CHECK(stream.curl().head().find("Cache-Control: no-store\r\n") != std::string::npos);
  CHECK(stream.last_id() == std::to_string(before));
  CHECK(stream.retry_ms() == "2000");
  const auto last = bench.deliver("B1");
  const auto event = stream.next();
  REQUIRE(event);
  CHECK(event->id == std::to_string(last - 1));
  CHECK(event->name == "outcome");
  const auto data = json::parse(event->data).value();
  CHECK(data.text_of("document") == "B1");
  CHECK(data.text_of("type") == "sale");
  CHECK(data.text_of("terminal") == "T1");
  CHECK(data.text_of("target") == "crm");
  CHECK(data.text_of("outcome") == "delivered");
  CHECK(data.text_of("status") == "delivered");
  CHECK(data.integer_of("attempt") == 1);
  CHECK(data.text_of("central_reference") == "C-" + std::to_string(last - 2));
  CHECK(take(stream, 1) == std::vector{last});
}

TEST_CASE("event feed: Last-Event-ID goes on behind it, however far back, in pages of any size") {
  EventFeedLimits limits;
  limits.page_events_max = 3;
  limits.page_records_max = 4;
  FeedBench bench(limits);
  std::vector<std::int64_t> all;
  for (int i = 0; i < 30; ++i) {
    const auto last = bench.deliver("A" + std::to_string(i));
    all.insert(all.end(), {last - 1, last});
  }
  auto from_start = bench.open("0");
  CHECK(take(from_start, all.size()) == all);
  auto from_middle = bench.open(std::to_string(all[20]), "?after=0");
  CHECK(take(from_middle, all.size() - 21) == std::vector(all.begin() + 21, all.end()));
  auto by_query = bench.open({}, "?after=" + std::to_string(all[57]));
  CHECK(take(by_query, 2) == std::vector(all.begin() + 58, all.end()));
  const auto last = bench.deliver("B1");
  for (auto* stream : {&from_start, &from_middle, &by_query})
    CHECK(take(*stream, 2) == std::vector{last - 1, last});
}

TEST_CASE("event feed: a place of the future is told, and reading goes on from the head") {
  FeedBench bench;
  bench.deliver("A1");
  auto told = bench.stream("999999");
  const auto reset = told.next();
  REQUIRE(reset);
  CHECK(reset->name == "reset");
  CHECK(reset->id == std::to_string(bench.head()));
  CHECK(json::parse(reset->data)->integer_of("head") == bench.head());
  auto again = bench.open("999999");
  CHECK(again.next()->name == "reset");
  CHECK(again.last_id() == std::to_string(bench.head()));
  const auto last = bench.deliver("B1");
  CHECK(take(again, 2) == std::vector{last - 1, last});
  CHECK(bench.refusal("Last-Event-ID: -1\r\n").status == 400);
  CHECK(bench.refusal("Last-Event-ID: 12x\r\n").status == 400);
  CHECK(bench.refusal("", "?after=soon").status == 400);
}

TEST_CASE("event feed: readers have a limit, and whoever goes makes room") {
  EventFeedLimits limits;
  limits.readers_max = 2;
  FeedBench bench(limits);
  auto first = std::make_unique<EventStream>(bench.open());
  auto second = bench.open();
  const auto refused = bench.refusal("");
  CHECK(refused.status == 503);
  CHECK(refused.headers.count("retry-after") == 1);
  CHECK(json::parse(refused.body)->text_of("type") == "urn:tillsync:problem:too-many-readers");
  first.reset();
  REQUIRE(eventually([&] { return bench.connections() == 1; }));
  auto third = bench.open();
  const auto last = bench.deliver("A1");
  CHECK(take(second, 2) == std::vector{last - 1, last});
  CHECK(take(third, 2) == std::vector{last - 1, last});
}

TEST_CASE("event feed: readers far behind who do not read hold up nobody, and lose nothing") {
  EventFeedLimits limits;
  limits.rest = 1ms;
  FeedBench bench(limits);
  for (int i = 0; i < 100; ++i) bench.deliver("A" + std::to_string(i));
  std::vector<EventStream> stuck;
  for (int i = 0; i < 8; ++i) stuck.push_back(bench.open("0"));
  auto reader = bench.open();
  for (int i = 0; i < 20; ++i) {
    const auto last = bench.deliver("B" + std::to_string(i));
    CHECK(take(reader, 2) == std::vector{last - 1, last});
  }
  for (auto& stream : stuck) CHECK(take(stream, 240).size() == 240);
}

TEST_CASE("event feed: who is told nothing gets a comment now and then") {
  EventFeedLimits limits;
  limits.heartbeat = 50ms;
  FeedBench bench(limits);
  auto stream = bench.open();
  std::thread later([&] {
    std::this_thread::sleep_for(600ms);
    bench.deliver("A1");
  });
  CHECK(stream.next().has_value());
  later.join();
  CHECK(stream.comments() >= 3);
}

TEST_CASE("event feed: stopping ends every stream, and refuses new ones") {
  FeedBench bench;
  auto stream = bench.open();
  bench.stop();
  CHECK(stream.curl().end() == 0);
  const auto refused = bench.refusal("");
  CHECK(refused.status == 503);
  CHECK(json::parse(refused.body)->text_of("type") == "urn:tillsync:problem:shutting-down");
}

TEST_CASE("event feed: many readers come and go while the journal grows, and none misses an event") {
  EventFeedLimits limits;
  limits.page_events_max = 5;
  limits.page_records_max = 16;
  limits.rest = 2ms;
  FeedBench bench(limits);
  constexpr int kDocuments = 80;
  std::atomic<bool> failed{false};
  std::vector<std::thread> threads;
  for (int n = 0; n < 8; ++n) {
    threads.emplace_back([&, n] {
      std::string place = "0";
      std::vector<std::int64_t> seen;
      for (int turn = 0; seen.size() < 2 * kDocuments && turn < 1000; ++turn) {
        EventStream stream = bench.open(place);
        for (int i = 0; i < 10 * (n + 1) && seen.size() < 2 * kDocuments; ++i) {
          const auto event = stream.next();
          if (!event) break;
          seen.push_back(std::stoll(event->id));
          place = event->id;
        }
      }
      bool in_order = seen.size() == 2 * kDocuments;
      for (std::size_t i = 1; i < seen.size(); ++i) in_order = in_order && seen[i] > seen[i - 1];
      if (!in_order) failed = true;
    });
  }
  for (int i = 0; i < kDocuments; ++i) bench.deliver("A" + std::to_string(i));
  for (auto& thread : threads) thread.join();
  CHECK(!failed);
}
