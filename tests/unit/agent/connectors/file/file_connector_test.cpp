#include "agent/connectors/file/file_connector.h"

#include <condition_variable>

#include "tests/support/process.h"
#include "tests/unit/agent/connectors/file/support.h"

using namespace tillsync;
using namespace tillsync::test;
using file::FileConnector;

namespace {

/// A folder that waits until it is let go.
class SlowFolder final : public transfer::Folder {
 public:
  explicit SlowFolder(std::shared_ptr<std::atomic<bool>> stop) : stop_(std::move(stop)) {}
  Result<void> put(const std::string&, std::string_view) override {
    entered = true;
    while (!*stop_ && !open) testing::sleep_briefly();
    if (*stop_) return Error{ErrorKind::kUnavailable, "stopped", "stopped"};
    return ok();
  }
  Result<std::optional<std::string>> get(const std::string&, std::size_t) override {
    return std::optional<std::string>();
  }
  Result<void> reach() override { return ok(); }
  std::string place() const override { return "slow"; }

  std::atomic<bool> open{false};
  std::atomic<bool> entered{false};  ///< a file is under way

 private:
  std::shared_ptr<std::atomic<bool>> stop_;
};

/// Runs what the connector posts, on the test's thread.
struct DeliveryThread {
  std::mutex mutex;
  std::condition_variable come;
  std::deque<std::function<void()>> events;

  FileConnector::Post post() {
    return [this](std::function<void()> event) {
      {
        const std::lock_guard lock(mutex);
        events.push_back(std::move(event));
      }
      come.notify_one();
    };
  }
  void run_one() {
    std::unique_lock lock(mutex);
    REQUIRE(come.wait_for(lock, std::chrono::seconds(20), [this] { return !events.empty(); }));
    auto event = std::move(events.front());
    events.pop_front();
    lock.unlock();
    event();
  }
};

struct Under {
  testing::TempDir dir;
  DeliveryThread thread;
  std::shared_ptr<std::atomic<bool>> stop = std::make_shared<std::atomic<bool>>(false);
  SlowFolder* folder = nullptr;
  std::unique_ptr<FileConnector> connector;

  Under() {
    auto slow = std::make_unique<SlowFolder>(stop);
    folder = slow.get();
    file::BatchSender::Parts parts;
    parts.store = "0417";
    parts.target = "legacy";
    parts.ledger_folder = dir.file("files");
    parts.folder = std::move(slow);
    connector = std::make_unique<FileConnector>(std::make_unique<file::BatchSender>(std::move(parts)), stop,
                                                thread.post(), PaceLimits{});
  }
};

}  // namespace

TEST_CASE(
    "file connector: a folder that takes its time holds nobody up, and its answers come on the thread") {
  Under under;
  const auto caller = std::this_thread::get_id();
  int answers = 0;
  for (int i = 1; i <= 3; ++i) {
    under.connector->submit({sale(i)}, [&](std::vector<Outcome> outcomes) {
      CHECK(std::this_thread::get_id() == caller);
      CHECK(outcomes.at(0).kind == OutcomeKind::kDelivered);
      ++answers;
    });
  }
  CHECK(answers == 0);  // submit() has come back while the folder waits
  under.folder->open = true;
  while (answers < 3) under.thread.run_one();
  under.connector->look_up(sale(2), [&](LookUpAnswer answer) {
    CHECK(answer.kind == LookUpAnswer::Kind::kFound);
    ++answers;
  });
  while (answers < 4) under.thread.run_one();
}

TEST_CASE("I8: file connector: more than its queue takes is told to come again, unsent") {
  Under under;
  std::size_t refused = 0;
  for (std::size_t i = 1; i <= FileConnector::kJobsMax + 10; ++i) {
    under.connector->submit({sale(static_cast<std::int64_t>(i))}, [&](std::vector<Outcome> outcomes) {
      CHECK(outcomes.at(0).kind == OutcomeKind::kRetryable);
      CHECK(outcomes.at(0).signal == TargetSignal::kThrottled);
      ++refused;
    });
  }
  CHECK(refused >= 9);  // one may be under way
  CHECK(refused <= 10);
}

TEST_CASE("I3: file connector: its end cuts the file under way, which the ledger still has") {
  testing::TempDir elsewhere;
  std::string ledger;
  {
    Under under;
    ledger = elsewhere.file("files");
    under.connector->submit({sale(1)}, [](const std::vector<Outcome>&) {});
    REQUIRE(testing::eventually([&] { return under.folder->entered.load(); }));
    under.connector.reset();
    std::filesystem::copy(under.dir.file("files"), ledger);
  }
  auto opened = file::BatchLedger::open(ledger, "legacy").value();
  CHECK(opened.pending().value() == 1);
  CHECK_FALSE(opened.find("0417/S1:legacy").value()->published);
}
