// What the stand-in central does wrong to order, per target. Set through POST /control/{target}/faults.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "platform/base/random.h"
#include "platform/base/result.h"
#include "platform/json/json.h"

namespace tillsync::central {

/// A probability in millionths, given as percent: 5, "0.5".
struct Chance {
  std::uint32_t millionths = 0;
};

struct ReadBackLie {
  std::set<std::string> missing;  ///< document ids left out
  std::set<std::string> doubled;  ///< document ids listed twice
  json::Array extra;              ///< rows added
  json::Object total;             ///< document id -> total
  json::Object line;              ///< document id -> {"pointer","value"}
};

/// How the change feed answers.
struct ChangesFeed {
  enum class Wrong {
    kNothing,
    kNotServed,
    kRepeats,        ///< the first page again and again, each time with a cursor further on
    kGoesBack,       ///< from the second page on the cursor is that of the start
    kStands,         ///< rows, and the cursor that was given
    kCursorUnknown,  ///< 410 for every cursor but the start's
  };
  Wrong wrong = Wrong::kNothing;
  bool values = true;       ///< rows carry their value
  std::int64_t page = 500;  ///< rows
};

struct Faults {
  json::Value as_given = json::Object{};
  enum class Outage { kNone, kDrop, kAnswer503 } outage = Outage::kNone;
  Chance reply_lost_before_commit, reply_lost_after_commit;
  Chance status_503, status_429, status_500_before, status_500_after, in_progress;
  std::int64_t retry_after_s = 1;
  std::chrono::milliseconds delay{0};
  bool delay_jitter = false;
  std::optional<std::int64_t> forget_keys_after_s;
  std::set<std::string> poison;       ///< document ids
  std::set<std::string> poison_skus;  ///< documents with a line of these
  bool expired_credentials = false;
  std::optional<std::string> accept_token;
  bool on_get = false;  ///< lost replies, 429, 503, 500 of GETs too
  ReadBackLie lie;
  /// on; off (404), not_implemented (501), contradicting (parts lack one), other_text (of what is not the
  /// row), prefix_ignored (whole days are listed).
  std::string digests = "on";
  ChangesFeed changes;

  /// kInvalid names the member that is unknown or of the wrong type.
  static Result<Faults> from_json(const json::Value& value);
};

inline bool strikes(Chance chance, Random& random) {
  return chance.millionths > 0 && random.below(1'000'000) < chance.millionths;
}

}  // namespace tillsync::central
