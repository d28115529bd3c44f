// A till: it posts one document after the other, each until it is answered, and remembers or forgets what a
// till does.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/world/shop.h"
#include "tests/simulation/world/timeline.h"

namespace tillsync::sim {

struct Till {
  int number = 0;
  int made = 0;                       ///< documents so far
  std::deque<SimDocument> waiting;    ///< the first is the one being posted
  std::vector<SimDocument> answered;  ///< what it knows the journal has
  std::vector<std::string> sales;     ///< ids that a return may name
  std::uint64_t post = 0;             ///< the post under way; an answer to an older one comes too late
  bool posting = false;
  Moment away_until{0};
};

}  // namespace tillsync::sim
