#include "outbox/journal/journal_thread.h"

#include <atomic>
#include <future>
#include <set>

#include "tests/unit/outbox/journal/fixture.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

void post_one(JournalThread& thread, DocumentPost post, std::function<void(Result<PostAnswer>)> done) {
  std::vector<DocumentPost> posts;
  posts.push_back(std::move(post));
  thread.post(std::move(posts),
              [done = std::move(done)](std::vector<Result<PostAnswer>> answers) { done(answers.at(0)); });
}

struct ThreadBench {
  explicit ThreadBench(JournalThreadLimits limits = {}) {
    bench.route();
    thread = std::make_unique<JournalThread>(std::move(bench.journal), clock, limits,
                                             [this](const CommitNews& news) {
                                               ++commits;
                                               head = news.head.value;
                                             });
  }
  Result<PostAnswer> post(const std::string& id) {
    std::promise<Result<PostAnswer>> promise;
    post_one(*thread, sale_post(id),
             [&](Result<PostAnswer> answer) { promise.set_value(std::move(answer)); });
    return promise.get_future().get();
  }
  JournalBench bench;
  SystemClock clock;
  std::atomic<int> commits{0};
  std::atomic<std::int64_t> head{0};
  std::unique_ptr<JournalThread> thread;
};

}  // namespace

TEST_CASE("journal thread: posts of many threads are all journaled, once, and share commits") {
  ThreadBench bench;
  constexpr int kThreads = 8;
  constexpr int kPosts = 100;
  std::atomic<int> answered{0};
  std::vector<std::thread> tills;
  for (int t = 0; t < kThreads; ++t) {
    tills.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i) {
        post_one(*bench.thread, sale_post("T" + std::to_string(t) + "-" + std::to_string(i)),
                 [&](Result<PostAnswer> answer) {
                   if (answer && answer->kind == PostAnswer::Kind::kJournaled) ++answered;
                 });
      }
    });
  }
  for (auto& till : tills) till.join();
  bench.thread.reset();  // completes what waits
  CHECK(answered == kThreads * kPosts);
  CHECK(bench.commits < kThreads * kPosts);
  const auto verification = bench.bench.verify();
  CHECK(verification.whole);
  CHECK(verification.records == kThreads * kPosts + 1);
}

TEST_CASE("journal thread: a decision that does not apply fails alone; what shares its commit stands") {
  ThreadBench bench;
  std::promise<Result<void>> decided;
  std::promise<Result<PostAnswer>> posted;
  // A task that holds the thread, so that the next ones share a transaction.
  std::promise<void> hold;
  auto held = hold.get_future().share();
  bench.thread->run([held](Journal&) {
    held.wait();
    return ok();
  });
  post_one(*bench.thread, sale_post("A1"),
           [&](Result<PostAnswer> answer) { posted.set_value(std::move(answer)); });
  bench.thread->run(
      [](Journal& journal) -> Result<void> {
        auto target = journal.decide(
            {DecisionFact::Kind::kDiscard, DeliveryKey{Sequence{77}, "erp"}, "", "r", "b", {}});
        if (!target) return target.error();
        return ok();
      },
      [&](Result<void> done) { decided.set_value(std::move(done)); });
  hold.set_value();
  CHECK(posted.get_future().get()->kind == PostAnswer::Kind::kJournaled);
  CHECK(decided.get_future().get().error().code == "no-such-delivery");
  bench.thread.reset();
  CHECK(bench.bench.verify().records == 2);
}

TEST_CASE("journal thread: beyond its bounds a post is refused at once, and facts are still taken") {
  JournalThreadLimits limits;
  limits.queue_tasks_max = 2;
  ThreadBench bench(limits);
  std::promise<void> started;
  std::promise<void> hold;
  auto held = hold.get_future().share();
  bench.thread->run([&started, held](Journal&) {
    started.set_value();
    held.wait();
    return ok();
  });
  started.get_future().wait();
  std::vector<std::promise<Result<PostAnswer>>> posts(3);
  for (int i = 0; i < 3; ++i) {
    post_one(*bench.thread, sale_post("A" + std::to_string(i)),
             [&, i](Result<PostAnswer> answer) { posts[i].set_value(std::move(answer)); });
  }
  CHECK(posts[2].get_future().get().error().code == "overloaded");
  std::promise<Result<void>> fact;
  bench.thread->run([](Journal& journal) { return journal.reserve("erp", Sequence{5}); },
                    [&](Result<void> done) { fact.set_value(std::move(done)); });
  hold.set_value();
  CHECK(posts[0].get_future().get().has_value());
  CHECK(posts[1].get_future().get().has_value());
  CHECK(fact.get_future().get().has_value());
}

TEST_CASE("journal thread: a stopping daemon refuses posts, and finishes those it has") {
  ThreadBench bench;
  CHECK(bench.post("A1").has_value());
  bench.thread->refuse_posts();
  CHECK(bench.post("A2").error().code == "shutting-down");
  CHECK(bench.thread->counts().backlog() == 1);
  CHECK(bench.thread->head() == Sequence{2});
  CHECK(bench.thread->healthy());
}

TEST_CASE("journal thread: the log stays small while documents pour in") {
  ThreadBench bench;
  std::vector<DocumentPost> posts;
  for (int i = 0; i < 20'000; ++i) posts.push_back(sale_post("A" + std::to_string(i)));
  std::size_t at = 0;
  while (at < posts.size()) {
    std::vector<DocumentPost> chunk;
    for (int i = 0; i < 100; ++i) chunk.push_back(std::move(posts[at++]));
    std::promise<void> done;
    bench.thread->post(std::move(chunk), [&](std::vector<Result<PostAnswer>> answers) {
      CHECK(answers.size() == 100);
      done.set_value();
    });
    done.get_future().wait();
  }
  CHECK(std::filesystem::file_size(bench.bench.folder() + "/journal.db-wal") < 8u * 1024 * 1024);
}
