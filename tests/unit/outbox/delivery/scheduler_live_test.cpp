// A new sale overtakes the backlog where it may, and nowhere else.
#include <doctest/doctest.h>

#include "tests/unit/outbox/delivery/bench.h"

using namespace tillsync;
using namespace tillsync::test;
using namespace std::chrono_literals;

namespace {

/// A lane that takes one request at a time and holds little of its backlog.
class SlowLane : public Bench {
 public:
  explicit SlowLane(int backlog) {
    targets["erp"].concurrency = 1;
    limits.window_max = 40;
    limits.page_documents = 10;
    limits.reserve_ahead = 4;
    for (int i = 0; i < backlog; ++i) journal.add({exclusive(1'000 + static_cast<std::uint64_t>(i))});
  }
  /// Answers one after the other, `each` apart; which documents went out.
  std::vector<std::int64_t> deliver(int count, std::chrono::nanoseconds each = 100ms) {
    std::vector<std::int64_t> went;
    for (int i = 0; i < count && !sends.empty(); ++i) {
      went.push_back(sent().at(0));
      now += each;
      answer(went.back(), delivered());
    }
    return went;
  }
  void fall_behind() {
    start();
    deliver(60);  // six seconds
  }
};

bool holds(const std::vector<std::int64_t>& documents, Sequence document) {
  return std::find(documents.begin(), documents.end(), document.value) != documents.end();
}

}  // namespace

TEST_CASE("live: a lane that has been behind for a while sends a new document before its backlog") {
  SlowLane lane(2'000);
  lane.fall_behind();
  const Sequence sale = lane.journal.add({shared(7)});
  lane.run();
  CHECK(holds(lane.deliver(3), sale));
  // The backlog goes on in its order.
  const auto later = lane.deliver(5);
  CHECK(std::is_sorted(later.begin(), later.end()));
  CHECK(later.front() < 100);
}

TEST_CASE("live: before that, and without a backlog, the order is the journal's") {
  SlowLane lane(100);
  lane.start();
  lane.deliver(20);  // two seconds
  const Sequence sale = lane.journal.add({shared(7)});
  lane.run();
  CHECK_FALSE(holds(lane.deliver(20), sale));

  SlowLane quiet(0);
  quiet.start();
  for (int i = 0; i < 100; ++i) {
    const Sequence next = quiet.journal.add({shared(7)});
    quiet.run();
    CHECK(quiet.deliver(1) == std::vector<std::int64_t>{next.value});
  }
}

TEST_CASE("live: the backlog has one turn of four") {
  SlowLane lane(2'000);
  lane.fall_behind();
  for (int i = 0; i < 30; ++i) lane.journal.add({shared(7)});
  lane.run();
  const auto went = lane.deliver(41);
  const auto of_backlog =
      std::count_if(went.begin(), went.end(), [](auto document) { return document <= 2'000; });
  CHECK(of_backlog >= 10);
  CHECK(of_backlog <= 14);
}

TEST_CASE("live: what depends on an unread document waits for it (I4)") {
  SlowLane lane(500);
  const Sequence count = lane.journal.add({exclusive(7)});
  for (int i = 0; i < 500; ++i) lane.journal.add({shared(8)});
  const Sequence named = lane.journal.add({shared(8)});
  lane.fall_behind();
  const Sequence of_counted = lane.journal.add({shared(7)});
  const Sequence behind_it = lane.journal.add({shared(7), exclusive(9)});
  const Sequence behind_that = lane.journal.add({shared(9)});
  const Sequence stays = lane.journal.add({exclusive(10)});
  lane.journal.stays.insert(stays);
  const Sequence follows = lane.journal.add({shared(11)});
  lane.journal.names[follows] = {named};
  const Sequence free = lane.journal.add({shared(12)});
  lane.run();
  const auto first = lane.deliver(30);
  CHECK(holds(first, free));
  for (const Sequence waiting : {of_counted, behind_it, behind_that, stays, follows})
    CHECK_FALSE(holds(first, waiting));
  // All of it goes out in the end, each behind what it waits for.
  std::map<std::int64_t, std::size_t> place;
  for (const auto document : lane.deliver(5'000)) place.emplace(document, place.size());
  CHECK(place.at(count.value) < place.at(of_counted.value));
  CHECK(place.at(of_counted.value) < place.at(behind_that.value));
  CHECK(place.contains(follows.value));
  CHECK(place.contains(stays.value));
}

TEST_CASE(
    "live: after a crash what went before the backlog is asked for, and the backlog between is not (I3)") {
  SlowLane lane(1'000);
  lane.fall_behind();
  const Sequence sale = lane.journal.add({shared(7)});
  lane.run();
  while (!holds(lane.sent(), sale)) lane.deliver(1);
  // It dies with the sale under way.
  CHECK(is_reserved(lane.memory["erp"], sale));
  CHECK_FALSE(is_reserved(lane.memory["erp"], Sequence{900}));
  lane.start();
  std::vector<std::int64_t> asked;
  std::size_t delivered_to_end = 0;
  while (delivered_to_end < 2'000 && (!lane.sends.empty() || !lane.look_ups.empty())) {
    ++delivered_to_end;
    if (!lane.look_ups.empty()) {
      asked.push_back(lane.asked().at(0));
      lane.answer_look_up(asked.back(), LookUpAnswer::Kind::kFound, delivered());
    } else {
      lane.deliver(1);
    }
  }
  CHECK(holds(asked, sale));
  CHECK(asked.size() < 40);
  for (const auto& [key, row] : lane.journal.rows) CHECK(is_settled(row.state));
  // Caught up, nothing is reserved out of order any more.
  CHECK(lane.memory["erp"].reserved_ahead.empty());
  CHECK(lane.memory["erp"].reserved == sale);
}

TEST_CASE("live: after a second outage the newest go first again, and the stretches reserved stay bounded") {
  SlowLane lane(2'000);
  lane.limits.reserved_ahead_max = 2;
  lane.fall_behind();
  for (int outage = 0; outage < 5; ++outage) {
    const Sequence sale = lane.journal.add({shared(7)});
    lane.run();
    CHECK(holds(lane.deliver(5), sale));
    for (int i = 0; i < 3; ++i) lane.answer(lane.sent().at(0), unreachable());
    for (int i = 0; i < 200; ++i) lane.journal.add({shared(8)});
    lane.pass(10min);
    lane.deliver(1);
    CHECK(lane.memory["erp"].reserved_ahead.size() <= 2);
  }
  const Sequence last = lane.journal.add({shared(7)});
  lane.run();
  CHECK(holds(lane.deliver(5), last));
}

TEST_CASE("live: an amendment of what is not read yet is known") {
  SlowLane lane(1'000);
  lane.fall_behind();
  lane.journal.add({shared(7)});
  lane.run();
  lane.deliver(5);
  // Document 900 is on record from an earlier process, say, and gets another SKU.
  lane.journal.rows.at({Sequence{900}, "erp"}).keys = {exclusive(42)};
  lane.scheduler->amend("erp", {Sequence{900}, "erp"}, {exclusive(42)});
  const Sequence sale = lane.journal.add({shared(42)});
  lane.run();
  CHECK_FALSE(holds(lane.deliver(20), sale));
}

TEST_CASE("day: never more than a day's requests, whatever dies, and live trade keeps a part of them") {
  SlowLane lane(3'000);
  lane.targets["erp"].pace.day_requests = 1'000;
  lane.targets["erp"].pace.day_kept_back_percent = 20;
  lane.start();
  std::vector<SteadyTime> times;
  const auto drain = [&](std::chrono::nanoseconds time) {
    const SteadyTime until = lane.now + time;
    while (lane.now < until) {
      while (!lane.sends.empty()) {
        times.push_back(lane.now);
        lane.now += 1s;
        lane.answer(lane.sent().at(0), delivered());
      }
      if (!lane.pass_to_wake()) break;
    }
  };
  drain(1h);
  // Half of the 800 may go at once; a quarter of that is for live trade.
  CHECK(times.size() >= 300);
  CHECK(times.size() <= 330);
  while (!lane.sends.empty()) {
    times.push_back(lane.now);
    lane.answer(lane.sent().at(0), delivered());
  }
  const Sequence sale = lane.journal.add({shared(7)});
  lane.run();
  REQUIRE(lane.sends.size() == 1);
  CHECK(holds(lane.sent(), sale));
  // A new process knows what the old one has used up.
  lane.memory["erp"].day_owed = lane.days.back().full_at - lane.now;
  lane.start();
  while (!lane.look_ups.empty()) {
    times.push_back(lane.now);
    lane.answer_look_up(lane.asked().at(0), LookUpAnswer::Kind::kFound, delivered());
  }
  drain(72h);
  CHECK(times.size() > 1'500);
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto end = std::upper_bound(times.begin(), times.end(), times[i] + 24h);
    CHECK(end - times.begin() - static_cast<std::ptrdiff_t>(i) <= 800);
  }
}

TEST_CASE("pace: requests that were not needed are given back, and several are reckoned as such") {
  SlowLane lane(100);
  lane.targets["erp"].requests_max = [](std::size_t) { return 4; };
  lane.targets["erp"].pace.burst_requests = 20;
  lane.targets["erp"].pace.burst_window = 1s;
  lane.start();
  Outcome cheap = delivered();
  cheap.requests = 1;
  int at_once = 0;
  while (!lane.sends.empty()) {
    ++at_once;
    lane.answer(lane.sent().at(0), cheap);
  }
  // Ten at once, of which a delivery may want four: the last must leave room for them.
  CHECK(at_once == 7);
  Outcome dear = delivered();
  dear.requests = 4;
  lane.pass(10s);
  int dear_ones = 0;
  while (!lane.sends.empty()) {
    ++dear_ones;
    lane.answer(lane.sent().at(0), dear);
  }
  CHECK(dear_ones == 2);
}
