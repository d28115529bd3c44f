#include "reconcile/central_view/digest_descent.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace tillsync {
namespace {

using Level = std::vector<DifferingRange>;

Error broken(const std::string& detail) {
  return {ErrorKind::kInvalid, kDigestBroken, "central's digests contradict each other: " + detail};
}

/// All ranges of a level have as many digits.
bool differs_nearly_everywhere(const Level& level, std::int64_t rows) {
  const bool few = rows >> std::min(62, 4 * level.front().range.digits()) <= kFewRows;
  std::int64_t differing = 0;
  for (const DifferingRange& one : level) differing += one.rows();
  return few && differing > rows / 2;
}

class Descender {
 public:
  Descender(DigestPort& port, BusinessDay day, SentDocuments& sent,
            const std::function<Result<void>()>& before_request)
      : port_(port), day_(day), sent_(sent), rows_(*sent.rows()), before_request_(before_request) {}

  Result<Descent> run(const RangeSum& root);

 private:
  Result<Level> parts_of(const Level& level);
  Result<void> add_parts(Level::const_iterator first, Level::const_iterator last, Level& out);

  DigestPort& port_;
  const BusinessDay day_;
  SentDocuments& sent_;
  const SentRows& rows_;
  const std::function<Result<void>()>& before_request_;
};

Result<Descent> Descender::run(const RangeSum& root) {
  Descent out;
  Level level{{KeyPrefix(), root, rows_.sum(KeyPrefix())}};
  const std::int64_t rows = level.front().rows();
  while (!level.empty()) {
    if (root.count == 0 || differs_nearly_everywhere(level, rows)) {
      out.nearly_all = true;
      out.ranges = std::move(level);
      return out;
    }
    const auto large = std::stable_partition(level.begin(), level.end(), [](const DifferingRange& one) {
      return one.rows() <= kListedRowsMax || one.range.digits() == KeyPrefix::kDigitsMax;
    });
    out.ranges.insert(out.ranges.end(), level.begin(), large);
    level.erase(level.begin(), large);
    auto next = parts_of(level);
    if (!next) return next.error();
    level = std::move(*next);
  }
  std::sort(out.ranges.begin(), out.ranges.end(),
            [](const auto& a, const auto& b) { return a.range.first() < b.range.first(); });
  return out;
}

Result<Level> Descender::parts_of(const Level& level) {
  Level parts;
  for (auto first = level.begin(); first != level.end();) {
    const auto last = level.end() - first > static_cast<std::ptrdiff_t>(kDigestRangesMax)
                          ? first + static_cast<std::ptrdiff_t>(kDigestRangesMax)
                          : level.end();
    if (auto added = add_parts(first, last, parts); !added) return added.error();
    first = last;
  }
  return parts;
}

/// Those parts of a request's ranges that differ.
Result<void> Descender::add_parts(Level::const_iterator first, Level::const_iterator last, Level& out) {
  if (auto fine = before_request_(); !fine) return fine.error();
  std::vector<KeyPrefix> asked;
  for (auto one = first; one != last; ++one) asked.push_back(one->range);
  auto answer = port_.parts(day_, asked);
  if (!answer) return answer.error();
  std::map<KeyPrefix, RangeSum> parts;
  for (const auto& [range, sum] : *answer) {
    if (range.digits() == 0 || !std::binary_search(asked.begin(), asked.end(), range.parent()))
      return broken("part " + range.text() + " was not asked for");
    if (!parts.emplace(range, sum).second) return broken("part " + range.text() + " came twice");
  }
  for (auto one = first; one != last; ++one) {
    RangeSum whole;
    for (int digit = 0; digit < KeyPrefix::kParts; ++digit) {
      const KeyPrefix part = one->range.part(digit);
      const auto found = parts.find(part);
      const DifferingRange both{part, found == parts.end() ? RangeSum{} : found->second, rows_.sum(part)};
      whole += both.central;
      if (both.central != both.journal) out.push_back(both);
    }
    if (whole == one->central) continue;
    auto moving = sent_.moving();
    if (!moving) return moving.error();
    if (!*moving) return broken("the parts of range \"" + one->range.text() + "\" do not add up to it");
  }
  return ok();
}

}  // namespace

Result<Descent> descend(DigestPort& port, BusinessDay day, SentDocuments& sent, const RangeSum& root,
                        const std::function<Result<void>()>& before_request) {
  return Descender(port, day, sent, before_request).run(root);
}

}  // namespace tillsync
