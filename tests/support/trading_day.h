// A store's trading day made up from a seed: all seven document types in a life-like mix, every sum exact and
// agreeing, so that a day posted whole must be journaled, delivered and reported without a fault. Free of any
// test framework: the demo program makes its files with it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "platform/base/decimal.h"
#include "platform/base/time.h"

namespace tillsync::testing {

struct TradingDayOptions {
  std::uint64_t seed = 1;
  int documents = 5000;  ///< of the whole day; each till's close counts as one
  int tills = 8;
  BusinessDay day;
  std::string store = "0417";
  std::string time_zone = "Europe/London";  ///< gives `occurred_at` its offset
};

struct DayDocument {
  std::string id;
  std::string type;
  Decimal total;     ///< positive, of sale and return; 0 where there is no money
  std::string body;  ///< JSON on one line, as the till posts it
};

/// Tills T1, T2, ...: each one's documents in the order of its day, a return behind its sale, the close last.
using TillDay = std::vector<DayDocument>;

/// The same documents for the same options. Throws std::runtime_error for an unknown time zone, or fewer
/// documents than tills.
std::vector<TillDay> make_trading_day(const TradingDayOptions& options);

/// A valid GTIN-13 (GS1 General Specifications, 7.9) of an item number up to 99 999.
std::string gtin_13(int item);

}  // namespace tillsync::testing
