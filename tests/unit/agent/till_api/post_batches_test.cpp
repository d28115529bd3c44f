#include "agent/till_api/post_batches.h"

#include <atomic>
#include <thread>

#include "tests/unit/outbox/journal/fixture.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

/// A journal thread and an event loop; each test's work runs in one turn of the loop.
struct BatchBench {
  std::unique_ptr<JournalThread> open_journal() {
    bench.route();
    return std::make_unique<JournalThread>(std::move(bench.journal), clock, JournalThreadLimits{},
                                           [this](const CommitNews& news) { tasks += news.tasks; });
  }
  /// Posts documents in one turn, and runs the loop until all are answered. Once a bench.
  void post(const std::vector<std::string>& ids) {
    std::size_t open = ids.size();
    loop.post([&] {
      for (const auto& id : ids) {
        batches.add(sale_post(id), [&](const Result<PostAnswer>& answer) {
          CHECK(std::this_thread::get_id() == loop_thread);
          answers.push_back(answer);
          if (--open == 0) loop.stop();
        });
      }
    });
    loop.run();
    CHECK(open == 0);
  }

  JournalBench bench;
  SystemClock clock;
  std::atomic<std::size_t> tasks{0};
  EventLoop loop;
  std::unique_ptr<JournalThread> journal = open_journal();
  PostBatches batches{loop, *journal, PostBatchLimits{.posts_max = 8}};
  const std::thread::id loop_thread = std::this_thread::get_id();
  std::vector<Result<PostAnswer>> answers;
};

}  // namespace

TEST_CASE("post batches: what comes in one turn of the loop goes to the journal together, in order") {
  BatchBench bench;
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back("A" + std::to_string(i));
  bench.post(ids);
  REQUIRE(bench.answers.size() == 20);
  for (std::size_t i = 0; i < 20; ++i) {
    REQUIRE(bench.answers[i].has_value());
    CHECK(bench.answers[i]->kind == PostAnswer::Kind::kJournaled);
    CHECK(bench.answers[i]->sequence.value == static_cast<std::int64_t>(i) + 2);
  }
  bench.journal.reset();
  CHECK(bench.tasks == 3);  // 8, 8, and the 4 that the turn's end found
}

TEST_CASE("post batches: each post has its own answer") {
  BatchBench bench;
  bench.post({"A1", "A1", "A2"});
  REQUIRE(bench.answers.size() == 3);
  CHECK(bench.answers[1]->kind == PostAnswer::Kind::kReplayed);
  CHECK(bench.answers[2]->kind == PostAnswer::Kind::kJournaled);
}

TEST_CASE("post batches: where the journal refuses, every post is told why") {
  BatchBench bench;
  bench.journal->refuse_posts();
  bench.post({"A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9"});
  for (const auto& answer : bench.answers) {
    REQUIRE(answer.has_error());
    CHECK(answer.error().code == "shutting-down");
  }
}
