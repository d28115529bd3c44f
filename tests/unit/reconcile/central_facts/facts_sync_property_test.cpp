// Whatever a wrong central answers, every round ends within its limits; and a central that is right from then
// on gives the right view.
#include <rapidcheck.h>

#include "tests/unit/reconcile/central_facts/facts_world.h"

namespace tillsync {
namespace {

using namespace testing;
using Kind = FactKind;

const std::vector<std::string> kKeys = {"K0", "K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8"};
/// The first of kKeys are wanted.
constexpr std::size_t kWanted = 5;

enum class FeedLie {
  kNone,
  kBack,
  kStands,
  kAgain,
  kFarAhead,
  kUnknown,
  kUnreachable,
  kNoObject,
  kOtherRow,
  kHuge,
  kNoEtags,
  kEmptyForward,
};
enum class FetchLie {
  kNone,
  kAbsent,
  kNotModified,
  kOtherRow,
  kNoObject,
  kUnreachable,
  kRefused,
  kNotServed
};

Result<ChangesPage> lie(const FactsCentral& central, const std::string& cursor, FeedLie how) {
  auto page = central.honest_changes(cursor);
  if (page->answer != ChangesPage::Answer::kPage) return page;
  const auto each = [&](const auto& change) {
    for (FactChange& row : page->changes) change(row);
  };
  switch (how) {
    case FeedLie::kNone:
      break;
    case FeedLie::kBack:
      page->cursor = "0";
      break;
    case FeedLie::kStands:
      page->cursor = cursor.empty() ? "0" : cursor;
      break;
    case FeedLie::kAgain: {
      page = central.honest_changes("");
      page->cursor = std::to_string(std::stoul("0" + cursor) + 1);
      break;
    }
    case FeedLie::kFarAhead:
      page->cursor = "no cursor";
      break;
    case FeedLie::kUnknown:
      page->answer = ChangesPage::Answer::kCursorUnknown;
      break;
    case FeedLie::kUnreachable:
      return unreachable();
    case FeedLie::kNoObject:
      each([](FactChange& row) { row.value = row.value.empty() ? "" : "7"; });
      break;
    case FeedLie::kOtherRow:
      each([](FactChange& row) { row.value = row.value.empty() ? "" : R"({"id":"x","sku":"x"})"; });
      break;
    case FeedLie::kHuge:
      each([](FactChange& row) { row.value = row.value.empty() ? "" : std::string(70'000, ' ') + "{}"; });
      break;
    case FeedLie::kNoEtags:
      each([](FactChange& row) { row.etag.clear(); });
      break;
    case FeedLie::kEmptyForward:
      page->changes.clear();
      page->rows = 0;
      page->cursor = cursor.empty() ? "0" : cursor;
      break;
  }
  return page;
}

std::optional<Result<FetchedFact>> lie(FetchLie how) {
  FetchedFact out;
  switch (how) {
    case FetchLie::kNone:
      return std::nullopt;
    case FetchLie::kAbsent:
      out.answer = FetchedFact::Answer::kAbsent;
      break;
    case FetchLie::kNotModified:
      out.answer = FetchedFact::Answer::kNotModified;
      break;
    case FetchLie::kOtherRow:
      out = {FetchedFact::Answer::kValue, R"({"id":"x","sku":"x"})", "\"v1\""};
      break;
    case FetchLie::kNoObject:
      out = {FetchedFact::Answer::kValue, "<html>", "\"v1\""};
      break;
    case FetchLie::kUnreachable:
      return Result<FetchedFact>(unreachable());
    case FetchLie::kRefused:
      return Result<FetchedFact>(Error{ErrorKind::kInvalid, "fetch", "500"});
    case FetchLie::kNotServed:
      break;
  }
  return Result<FetchedFact>(std::move(out));
}

void change_central(FactsCentral& central, std::int64_t& counter) {
  for (int i = *rc::gen::inRange(0, 8); i > 0; --i) {
    const Kind kind = kFactKinds[*rc::gen::inRange<std::size_t>(0, 4)];
    const std::string key =
        kind == Kind::kRefundPolicy ? "" : kKeys[*rc::gen::inRange<std::size_t>(0, kKeys.size())];
    if (kind != Kind::kRefundPolicy && *rc::gen::inRange(0, 5) == 0 && central.rows.contains({kind, key})) {
      central.remove(kind, key);
    } else {
      central.set(kind, key, "\"n\":\"" + std::to_string(++counter) + "\"");
    }
  }
}

void check_view(FactsWorld& world, std::size_t keys) {
  for (const Kind kind : {Kind::kCustomer, Kind::kStock, Kind::kPrice}) {
    for (std::size_t i = 0; i < keys; ++i) {
      const auto row = world.central.rows.find({kind, kKeys[i]});
      const std::string truth = row == world.central.rows.end() ? "" : row->second.value;
      const std::string held = world.value(kind, kKeys[i]);
      const bool knows_nothing = held == "-" && (truth.empty() || i >= kWanted);
      RC_ASSERT(knows_nothing || held == truth);
    }
  }
}

TEST_CASE("sync property: a lying central costs bounded rounds, and a right one afterwards is believed") {
  CHECK(rc::check([] {
    FactsWorld world;
    world.limits.pages_max = 12;
    world.limits.fetches_max = 9;
    world.central.page_rows = *rc::gen::inRange<std::size_t>(1, 4);
    world.central.gives_values = *rc::gen::inRange(0, 4) != 0;
    for (std::size_t i = 0; i < kWanted; ++i) {
      world.want(WantedKind::kSku, kKeys[i]);
      world.want(WantedKind::kCustomer, kKeys[i]);
    }
    std::int64_t counter = 0;
    bool skipped = false;  // a change was kept back by a cursor beyond it
    world.central.lie_in_feed = [&](const std::string& cursor) -> std::optional<Result<ChangesPage>> {
      const auto how = static_cast<FeedLie>(*rc::gen::inRange(0, 12));
      skipped = skipped || (how == FeedLie::kAgain && !cursor.empty());
      return lie(world.central, cursor, how);
    };
    world.central.lie_in_fetch = [&](FactKind, const std::string& key) {
      // Whether a row that is not wanted is gone, or as it was, nobody would ever ask again.
      const bool wanted = std::find(kKeys.begin(), kKeys.begin() + kWanted, key) != kKeys.begin() + kWanted;
      const auto how = static_cast<FetchLie>(*rc::gen::inRange(0, 8));
      const bool final = how == FetchLie::kAbsent || how == FetchLie::kNotModified;
      return lie(!wanted && final ? FetchLie::kNone : how);
    };
    for (int rounds = *rc::gen::inRange(1, 6); rounds > 0; --rounds) {
      change_central(world.central, counter);
      world.head.value += *rc::gen::inRange(0, 3);
      world.central.requests = 0;
      world.round();
      const auto turns = 3 * world.limits.turn_max;
      RC_ASSERT(world.central.requests <= world.limits.pages_max + 2 + world.limits.fetches_max + turns + 4);
      if (*rc::gen::inRange(0, 3) == 0) world.restart();
    }
    world.central.lie_in_feed = nullptr;
    world.central.lie_in_fetch = nullptr;
    world.limits = FactsLimits{};
    for (int rounds = 0; rounds < 8; ++rounds) {
      ++world.head.value;
      RC_ASSERT(!world.round().broken);
    }
    check_view(world, skipped ? kWanted : kKeys.size());
  }));
}

}  // namespace
}  // namespace tillsync
