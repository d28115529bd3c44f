#include "agent/connectors/file/batch_sender.h"

#include <algorithm>

#include "tests/unit/agent/connectors/file/support.h"

using namespace tillsync;
using namespace tillsync::test;
using file::BatchSender;

namespace {

/// The process ends here.
struct Crash {};

/// The machine's files, on which the process dies at the n-th change: before it happens, or right after.
class CrashingFiles final : public Files {
 public:
  enum class When { kBefore, kAfter };
  void die_at(int change, When when) {
    left_ = change;
    when_ = when;
  }

  Result<bool> exists(const std::string& path) override { return system_files().exists(path); }
  Result<void> make_folder(const std::string& path) override { return system_files().make_folder(path); }
  Result<void> remove(const std::string& path) override {
    return step([&] { return system_files().remove(path); });
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return step([&] { return system_files().rename(from, to); });
  }
  Result<void> sync_file(const std::string& path) override {
    return step([&] { return system_files().sync_file(path); });
  }
  Result<void> sync_folder(const std::string& path) override {
    return step([&] { return system_files().sync_folder(path); });
  }

 private:
  template <class Change>
  Result<void> step(Change change) {
    const bool now = --left_ == 0;
    if (now && when_ == When::kBefore) throw Crash{};
    auto done = change();
    if (now) throw Crash{};
    return done;
  }

  int left_ = 0;
  When when_ = When::kBefore;
};

/// A store that sends sales to a folder, and may die on the way.
struct Shop {
  testing::TempDir dir;
  CrashingFiles files;
  std::string in = dir.file("in");
  Receiver receiver{in};
  std::unique_ptr<BatchSender> sender;

  Shop() {
    std::filesystem::create_directory(in);
    start();
  }
  void start(std::size_t batch_bytes_max = file::kBatchBytesMax) {
    BatchSender::Parts parts;
    parts.store = "0417";
    parts.target = "legacy";
    parts.ledger_folder = dir.file("files");
    parts.folder = std::make_unique<transfer::LocalFolder>(in, files);
    parts.batch_bytes_max = batch_bytes_max;
    sender = std::make_unique<BatchSender>(std::move(parts));
  }
  /// As the scheduler does after a crash: each is looked up, and what is absent is sent again, here one by
  /// one.
  void recover(const std::vector<OutgoingDelivery>& deliveries) {
    start();
    for (const auto& each : deliveries) {
      const LookUpAnswer answer = sender->look_up(each);
      if (answer.kind == LookUpAnswer::Kind::kFound) continue;
      REQUIRE(answer.kind == LookUpAnswer::Kind::kAbsent);
      const auto outcomes = sender->submit({each});
      REQUIRE(outcomes.size() == 1);
      CHECK(outcomes[0].kind == OutcomeKind::kDelivered);
    }
  }
  std::size_t files_left() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(in), std::filesystem::directory_iterator()));
  }
};

bool all(const std::vector<Outcome>& outcomes, OutcomeKind kind) {
  return std::all_of(outcomes.begin(), outcomes.end(), [&](const Outcome& o) { return o.kind == kind; });
}

}  // namespace

TEST_CASE("file sender: a batch is one data file and its manifest, and each delivery is delivered as it") {
  Shop shop;
  const auto outcomes = shop.sender->submit({sale(1), sale(2), sale(3)});
  REQUIRE(outcomes.size() == 3);
  CHECK(all(outcomes, OutcomeKind::kDelivered));
  CHECK(outcomes[0].central_reference.rfind("0417-legacy-0000000001-", 0) == 0);
  CHECK(outcomes[2].central_reference == outcomes[0].central_reference);
  CHECK(shop.files_left() == 2);
  shop.receiver.collect();
  CHECK(shop.receiver.booked().size() == 3);
}

TEST_CASE(
    "I3: file sender: wherever the process dies, and whenever the receiver looks, each document lands once") {
  using When = CrashingFiles::When;
  const std::vector<OutgoingDelivery> deliveries{sale(1), sale(2), sale(3)};
  // data: sync, rename, folder; manifest: sync, rename, folder.
  constexpr int kChanges = 6;
  for (const bool collects : {false, true}) {
    for (int change = 1; change <= kChanges; ++change) {
      for (const When when : {When::kBefore, When::kAfter}) {
        CAPTURE(change);
        CAPTURE(static_cast<int>(when));
        CAPTURE(collects);
        Shop shop;
        shop.files.die_at(change, when);
        CHECK_THROWS_AS(shop.sender->submit(deliveries), const Crash&);
        if (collects) shop.receiver.collect();  // and what it took is gone from the folder
        shop.recover(deliveries);
        shop.receiver.collect();
        REQUIRE(shop.receiver.booked().size() == 3);
        for (const auto& [key, times] : shop.receiver.booked()) CHECK(times == 1);
        CHECK(shop.receiver.batches() == 1);
        CHECK(shop.files_left() == 0);
        // Only where the receiver was quicker than the ledger is a batch published twice.
        const bool whole = change == kChanges || (change == 5 && when == When::kAfter);
        CHECK(shop.receiver.repeats() == (collects && whole ? 1 : 0));
      }
    }
  }
}

TEST_CASE("I3: file sender: a batch that was cut is sent as it was, whoever its members come with next") {
  Shop shop;
  shop.files.die_at(2, CrashingFiles::When::kBefore);
  CHECK_THROWS_AS(shop.sender->submit({sale(1), sale(2)}), const Crash&);
  shop.start();
  // The scheduler has put others together.
  const auto outcomes = shop.sender->submit({sale(2), sale(3)});
  CHECK(all(outcomes, OutcomeKind::kDelivered));
  CHECK(outcomes[0].central_reference != outcomes[1].central_reference);
  CHECK(shop.sender->look_up(sale(1)).kind == LookUpAnswer::Kind::kFound);
  const auto late = shop.sender->submit({sale(1)});
  CHECK(late[0].central_reference == outcomes[0].central_reference);
  shop.receiver.collect();
  CHECK(shop.receiver.batches() == 2);
  CHECK(shop.receiver.booked().size() == 3);
}

TEST_CASE("file sender: without its folder nothing is sent, nothing is made there, and the word is plain") {
  Shop shop;
  std::filesystem::remove(shop.in);
  auto outcomes = shop.sender->submit({sale(1), sale(2)});
  CHECK(all(outcomes, OutcomeKind::kRetryable));
  CHECK(outcomes[0].signal == TargetSignal::kUnreachable);
  CHECK(outcomes[0].reason.find("there is no folder " + shop.in) != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(shop.in));
  // A look-up proves nothing about a target that is away.
  CHECK(shop.sender->look_up(sale(1)).kind == LookUpAnswer::Kind::kFailed);
  std::filesystem::create_directory(shop.in);
  CHECK(shop.sender->look_up(sale(1)).kind == LookUpAnswer::Kind::kAbsent);
  outcomes = shop.sender->submit({sale(2)});
  CHECK(all(outcomes, OutcomeKind::kDelivered));
  CHECK(shop.sender->look_up(sale(1)).kind == LookUpAnswer::Kind::kFound);
}

TEST_CASE("file sender: a document that is published with other content is a person's matter") {
  Shop shop;
  CHECK(all(shop.sender->submit({sale(1)}), OutcomeKind::kDelivered));
  const auto outcomes = shop.sender->submit({sale(1, "9.99")});
  CHECK(outcomes[0].kind == OutcomeKind::kRejected);
  CHECK(outcomes[0].reason.find("other content") != std::string::npos);
}

TEST_CASE("I8: file sender: what is too large for one file goes into several, and one document always fits") {
  Shop shop;
  shop.start(sale(1).document.size() * 2);
  const auto outcomes = shop.sender->submit({sale(1), sale(2), sale(3)});
  CHECK(outcomes[0].central_reference == outcomes[1].central_reference);
  CHECK(outcomes[2].central_reference != outcomes[0].central_reference);
  shop.start(1);
  CHECK(all(shop.sender->submit({sale(4)}), OutcomeKind::kDelivered));
  shop.receiver.collect();
  CHECK(shop.receiver.booked().size() == 4);
}

TEST_CASE("file sender: what the format has no place for is rejected by itself; its neighbours go") {
  Shop shop;
  BatchSender::Parts parts;
  parts.store = "0417";
  parts.target = "legacy";
  parts.format = file::Format::kPoslog;
  parts.ledger_folder = shop.dir.file("poslog");
  parts.folder = std::make_unique<transfer::LocalFolder>(shop.in, shop.files);
  BatchSender sender(std::move(parts));
  const auto outcomes = sender.submit({sale(1), delivery_of(accepted(kStockCountBody), 2)});
  CHECK(outcomes[0].kind == OutcomeKind::kDelivered);
  CHECK(outcomes[1].kind == OutcomeKind::kRejected);
  CHECK(outcomes[1].reason.find("stock_count") != std::string::npos);
}
