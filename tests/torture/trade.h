// Tills that go on posting whatever happens, and the model that says what must have come of it: everything
// acknowledged is in the journal as it was posted, and central has each document once.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "platform/base/random.h"
#include "tests/e2e/trading.h"

namespace tillsync::testing {

/// TILLSYNC_SEED, or a seed of its own; told, so that a failure can be run again.
std::uint64_t torture_seed();
/// TILLSYNC_TORTURE_ROUNDS, 60 without it.
int torture_rounds();

/// Where tills post: the store's own sockets, or what stands between.
struct Door {
  std::string unix_socket;  ///< "": by TCP
  std::uint16_t port = 0;
  std::chrono::milliseconds patience{10'000};  ///< a till's own time-out
};

/// A till of a trading day on a thread of its own: posts in order, alone or a few at once, and each again
/// until it is acknowledged.
class BusyTill {
 public:
  BusyTill(Door door, TillDay day, std::uint64_t seed);
  ~BusyTill();

  /// Lets it post its first `documents`; all of the day by default.
  void allow(std::size_t documents) { allowed_ = documents; }
  /// Waits for the end of the day; false where that does not come.
  bool finish(std::chrono::seconds patience);

  const TillDay& day() const { return day_; }
  std::size_t done() const { return done_; }
  int retries() const { return retries_; }
  /// After finish(): one a document, with the sequence that it was told.
  const std::vector<LineAnswer>& answers() const { return answers_; }
  /// "", or an answer that no till should get.
  const std::string& outrage() const { return outrage_; }

 private:
  void run();
  bool post_some(RawConnection& connection);
  bool take(int status, const json::Value& body, const std::string& id);

  const Door door_;
  const TillDay day_;
  SeededRandom random_;
  std::vector<LineAnswer> answers_;
  std::string outrage_;
  std::atomic<std::size_t> done_{0}, allowed_;
  std::atomic<int> retries_{0};
  std::atomic<bool> stopping_{false}, ended_{false};
  std::thread thread_;
};

/// A whole day's tills, half of them on the Unix socket, half by TCP.
class BusyShop {
 public:
  struct Options {
    std::uint64_t seed = 1;
    int documents = 1'000;
    int tills = 4;
    std::chrono::milliseconds patience{10'000};
  };
  BusyShop(const Store& store, Options options);
  /// Every till through this one TCP port.
  BusyShop(std::uint16_t port, Options options);

  /// Lets each till post up to `share` of `whole` of its day.
  void allow(int share, int whole);
  bool finish(std::chrono::seconds patience);
  std::size_t done() const;
  int retries() const;
  std::size_t documents() const;
  const std::vector<std::unique_ptr<BusyTill>>& tills() const { return tills_; }

 private:
  std::vector<std::unique_ptr<BusyTill>> tills_;
};

/// Everything, from outside: the backlog drains; the journal holds every document as it was posted, under the
/// sequence that its till was told, without a gap; each target has each document exactly once and a return
/// behind its sale; the report balances; the daemon stops in order; the chain holds.
void check_all_came_through(Store& store, CentralProcess& central, const BusyShop& shop);
/// The journal's part of it; the daemon runs. `others`: documents that were posted besides.
void check_journal(const Store& store, const BusyShop& shop, int others = 0);

/// A POST of one document on a connection of its own by TCP; its status, 0 where there was no answer.
int post_status(std::uint16_t port, std::string_view body);

}  // namespace tillsync::testing
