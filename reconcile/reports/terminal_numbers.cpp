#include "reconcile/reports/terminal_numbers.h"

#include <iterator>

namespace tillsync {

bool TerminalNumbers::add(const std::string& terminal, std::int64_t number) {
  Runs& runs = terminals_[terminal];
  auto next = runs.upper_bound(number);
  auto run = runs.end();
  if (next != runs.begin()) {
    const auto before = std::prev(next);
    if (before->second >= number) return false;
    if (before->second == number - 1) {
      before->second = number;
      run = before;
    }
  }
  if (run == runs.end()) run = runs.emplace_hint(next, number, number);
  if (next != runs.end() && next->first - 1 == number) {
    run->second = next->second;
    runs.erase(next);
  }
  return true;
}

std::vector<SequenceGap> TerminalNumbers::gaps() const {
  std::vector<SequenceGap> gaps;
  for (const auto& [terminal, runs] : terminals_) {
    for (auto run = runs.begin(); std::next(run) != runs.end(); ++run) {
      gaps.push_back({terminal, run->second, std::next(run)->first});
    }
  }
  return gaps;
}

}  // namespace tillsync
