#include "reconcile/central_view/read_back.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "platform/log/log.h"
#include "reconcile/central_view/digest_descent.h"

namespace tillsync {
namespace {

/// Rows that the view takes in one go.
constexpr std::size_t kFillRows = 1000;
/// Rows of ranges that are listed in one request, by what central said: a page of them.
constexpr std::int64_t kListedTogether = 200;
/// A true difference spoils one range of kFewRows; so many times fewer differences than rows in spoilt ranges
/// is no matter of luck.
constexpr std::int64_t kSpoiltByOneMax = 4 * kFewRows;

/// Not a failure: the whole list is read for less.
constexpr const char* kNearlyAll = "digest-nearly-all";

/// What is wrong with digests, and not with central.
bool is_about_digests(const Error& error) {
  return error.code == kDigestUnsupported || error.code == kDigestShape || error.code == kDigestBroken ||
         error.code == kNearlyAll;
}

std::string what(const std::string& target, BusinessDay day) {
  return "reading " + day.text() + " back from " + target;
}

RangeSum of_day(const std::map<BusinessDay, RangeSum>& days, BusinessDay day) {
  const auto found = days.find(day);
  return found == days.end() ? RangeSum{} : found->second;
}

}  // namespace

/// A read-back and what it works on.
struct ReadBack::Task {
  ReadBackPort& port;
  SentDocuments& sent;
  const std::string& target;
  BusinessDay day;
  Sequence head;
  ReadBackCourse course;
  std::int64_t rows = 0, same = 0;  ///< of central's that were listed; those that are what was sent
  std::int64_t spoilt_rows = 0;     ///< in ranges that differ, where the descent was given up
};

Result<ReadBackMark> ReadBack::run(ReadBackPort& port, SentDocuments& sent, const std::string& target,
                                   BusinessDay day, Sequence head, const ReadBackUntil& until,
                                   const std::optional<RangeSum>& central) {
  Task task{port, sent, target, day, head, ReadBackCourse(what(target, day), clock_, limits_, until)};
  if (central && sent.rows() != nullptr && port.digests() != nullptr) {
    auto read = by_digest(task, *central);
    if (read) return read;
    if (!is_about_digests(read.error())) return read.error();
    if (read.error().code != kNearlyAll) distrust(target, read.error());
  }
  return whole_list(task);
}

Result<std::optional<RangeSum>> ReadBack::digest(ReadBackPort& port, const std::string& target,
                                                 BusinessDay day, BusinessDay last,
                                                 const ReadBackUntil& until) {
  using Answer = std::optional<RangeSum>;
  Digests& known = digests_[target];
  const SteadyTime now = clock_.steady_now();
  if (port.digests() == nullptr || (known.unused_until && now < *known.unused_until)) return Answer();
  if (known.days && day >= known.from && day <= known.to && now < known.asked + limits_.digest_kept)
    return Answer(of_day(*known.days, day));
  ReadBackCourse course(what(target, day), clock_, limits_, until);
  if (auto on = course.request(); !on) return on.error();
  known.from = day;
  known.to = std::clamp(last, day, BusinessDay{day.day + std::chrono::days(kDigestDaysMax - 1)});
  known.asked = now;
  known.days.reset();
  auto days = port.digests()->days(known.from, known.to);
  if (!days) {
    if (!is_about_digests(days.error())) return days.error();
    distrust(target, days.error());
    return Answer();
  }
  known.unused_until.reset();
  known.days = std::move(*days);
  return Answer(of_day(*known.days, day));
}

void ReadBack::distrust(const std::string& target, const Error& why) {
  Digests& known = digests_[target];
  known.days.reset();
  known.unused_until = clock_.steady_now() + limits_.digest_again;
  const bool has_none = why.code == kDigestUnsupported;
  log::write(has_none ? log::Level::kInfo : log::Level::kWarning, "reconcile.digests_unused",
             {{"target", target},
              {"code", why.code},
              {"detail", why.detail},
              {"asked_again_in_h", limits_.digest_again.count()}});
}

Result<ReadBackMark> ReadBack::by_digest(Task& task, const RangeSum& known) {
  const SentRows& rows = *task.sent.rows();
  DigestPort& digests = *task.port.digests();
  const RangeSum own = rows.sum(KeyPrefix());
  Descent found;
  if (known != own) {
    // Asked again: it was asked for before the journal was read, or for many days at once.
    if (auto on = task.course.request(); !on) return on.error();
    auto days = digests.days(task.day, task.day);
    if (!days) return days.error();
    if (const RangeSum root = of_day(*days, task.day); root != own) {
      auto descent = descend(digests, task.day, task.sent, root, [&] { return task.course.request(); });
      if (!descent) return descent.error();
      found = std::move(*descent);
    }
  }
  if (found.nearly_all) {
    for (const DifferingRange& one : found.ranges) task.spoilt_rows += one.rows();
    return Error{ErrorKind::kInvalid, kNearlyAll, "most rows differ"};
  }
  auto refill = view_.refill(task.target, task.day);
  if (!refill) return refill.error();
  std::vector<KeyPrefix> listed;
  for (const DifferingRange& one : found.ranges) listed.push_back(one.range);
  for (auto from = found.ranges.begin(); from != found.ranges.end();) {
    std::int64_t together = 0;
    std::vector<KeyPrefix> ranges;
    for (; from != found.ranges.end() && ranges.size() < kDigestRangesMax; ++from) {
      together += from->central.count;
      if (!ranges.empty() && together > kListedTogether) break;
      ranges.push_back(from->range);
    }
    if (auto read = list(task, ranges, *refill); !read) return read.error();
  }
  if (auto filled = fill(task, listed, *refill); !filled) return filled.error();
  return commit(task, *refill);
}

/// What is at central as it was sent needs no reading.
Result<void> ReadBack::fill(Task& task, const std::vector<KeyPrefix>& listed, CentralView::Refill& refill) {
  std::vector<SeenRow> batch;
  const auto put = [&]() -> Result<void> {
    if (auto on = task.course.may_go_on(); !on) return on.error();
    if (auto added = refill.add(batch); !added) return added.error();
    batch.clear();
    return ok();
  };
  auto walked = task.sent.rows()->for_each_outside(listed, [&](SeenRow row) -> Result<void> {
    batch.push_back(std::move(row));
    if (batch.size() < kFillRows) return ok();
    return put();
  });
  if (!walked) return walked.error();
  return put();
}

Result<ReadBackMark> ReadBack::whole_list(Task& task) {
  auto refill = view_.refill(task.target, task.day);
  if (!refill) return refill.error();
  if (auto read = list(task, {}, *refill); !read) return read.error();
  if (auto looked = look_at_digests(task); !looked) return looked.error();
  return commit(task, *refill);
}

/// No ranges: the whole day.
Result<void> ReadBack::list(Task& task, const std::vector<KeyPrefix>& ranges, CentralView::Refill& refill) {
  std::optional<std::string> cursor;
  std::vector<SeenRow> batch;
  task.course.begin_list();
  for (;;) {
    if (auto on = task.course.request(); !on) return on.error();
    auto page = ranges.empty() ? task.port.read_back(task.day, cursor)
                               : task.port.digests()->rows(task.day, ranges, cursor);
    if (!page) return page.error();
    if (auto taken = task.course.take(page->rows.size()); !taken) return taken.error();
    batch.clear();
    for (const CentralRow& row : page->rows) {
      if (!ranges.empty() && !is_in(ranges, row_key(row.reference, row.step))) {
        return Error{
            ErrorKind::kInvalid, kDigestBroken,
            "central lists a row outside of the ranges that it was asked for: it has other keys than "
            "the profile's, or looks past `prefix`"};
      }
      auto one = seen(row, task.sent);
      if (!one) return one.error();
      ++task.rows;
      if (task.spoilt_rows > 0 && task.sent.rows()->holds(*one)) ++task.same;
      batch.push_back(std::move(*one));
    }
    if (auto added = refill.add(batch); !added) return added.error();
    if (!page->next) return ok();
    if (auto fine = task.course.follow(*page->next); !fine) return fine.error();
    cursor = std::move(page->next);
  }
}

/// A list that is nearly what was sent while nearly all of its digests are not: central digests another text.
Result<void> ReadBack::look_at_digests(const Task& task) {
  if (task.spoilt_rows == 0) return ok();
  auto moving = task.sent.moving();
  if (!moving) return moving.error();
  const std::int64_t wanted = task.sent.rows()->sum(KeyPrefix()).count;
  const std::int64_t differing = task.rows - task.same + std::abs(task.rows - wanted);
  if (*moving || differing * kSpoiltByOneMax >= task.spoilt_rows) return ok();
  distrust(task.target, {ErrorKind::kInvalid, kDigestBroken,
                         "central's digests differ where its rows do not: it makes them of another text than "
                         "the profile says"});
  return ok();
}

Result<ReadBackMark> ReadBack::commit(const Task& task, CentralView::Refill& refill) {
  return refill.commit(ReadBackMark{task.day, task.head, clock_.utc_now(), 0, task.port.listed_types()});
}

}  // namespace tillsync
