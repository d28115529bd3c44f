// What will happen in a simulated store, laid out before it runs, from one seed: every post, fault, crash and
// decision is an item with its time. A failing plan is made smaller by leaving items out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/world/timeline.h"

namespace tillsync::sim {

enum class What : unsigned char {
  kPost,         ///< till `a` makes its next document, of seed `b`
  kRepost,       ///< till `a` posts an old document again, chosen by `b`
  kChangedPost,  ///< till `a` posts another document under an id that it has had answered, chosen by `b`
  kTillCrash,    ///< till `a` forgets that its last document was answered
  kTillAway,     ///< till `a` is away for `b` seconds; its documents wait
  kPowerLoss,    ///< at the `a`-th change on disk from now; 0: now. It is back after `b` seconds
  kKill,         ///< the process, at the `a`-th change on disk; 0: now. It starts again after `b` seconds
  kStop,         ///< clean stop, for `a` seconds
  kSuspend,      ///< the machine sleeps for `a` seconds
  kWallStep,     ///< the wall clock jumps by `a` seconds
  kWallDrift,    ///< it drifts by `a` parts per million
  kNetwork,      ///< towards target `a`: mode `b` for `c` seconds
  kCentral,      ///< target `a`: mode `b` for `c` seconds
  kForget,       ///< target `a` forgets its idempotency keys
  kPoison,       ///< target `a` rejects SKU number `b` for `c` seconds
  kDisk,         ///< mode `a` for `c` seconds; `b` a choice within it
  kOperator,     ///< looks at the quarantine, and decides by `a` and `b`
  kPause,        ///< target `a` is paused, for `c` seconds
  kRoutes,       ///< variant `a` of the settings' routes from the next start on
  kReport,       ///< central is read back and a report made, of a day chosen by `a`
};

enum class NetworkMode : unsigned char { kDown, kLossy, kHalfOpen, kSlow, kStorm, kCount };
enum class CentralMode : unsigned char {
  kUnavailable,
  kThrottled,
  kErrorBefore,
  kErrorAfter,
  kSlow,
  kRestarting,
  kCredential,
  kLagging,
  kCount
};
enum class DiskMode : unsigned char { kReadErrors, kWriteErrors, kSyncErrors, kFull, kOpenErrors, kCount };

struct Item {
  Moment when{0};
  What what = What::kPost;
  std::int64_t a = 0, b = 0, c = 0;
};

/// One line, for traces.
std::string text(const Item& item);

struct Plan {
  std::uint64_t seed = 0;
  int days = 1;
  // What stays the same through the run.
  int tills = 3;
  int routes = 0;                 ///< variant at the first start
  int batch_max = 1;              ///< of the second target
  std::int64_t key_window_s = 0;  ///< central forgets keys after; 0: never
  std::int64_t retention_trading_days = 0;
  std::int64_t checkpoint_bytes = 0;        ///< of log between two checkpoints
  std::int64_t background_per_million = 0;  ///< of losses on the network, in good weather too
  std::vector<Item> items;                  ///< by time
};

Plan make_plan(std::uint64_t seed, int days);

inline constexpr int kTargets = 2;
inline constexpr int kSkus = 12;

}  // namespace tillsync::sim
