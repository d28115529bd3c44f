// A terminal numbers its documents (`terminal_sequence`): a number that is not there is a document that may
// never have been posted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tillsync {

/// `after` is there, `before` is there, nothing between them is.
struct SequenceGap {
  std::string terminal;
  std::int64_t after = 0;
  std::int64_t before = 0;
  bool operator==(const SequenceGap&) const = default;
};

/// One number that several documents carry: a till that was set back, or restarted its count.
struct SequenceRepeat {
  std::string terminal;
  std::int64_t number = 0;
  std::vector<std::string> ids;  ///< in journal order
  bool operator==(const SequenceRepeat&) const = default;
};
/// A till that restarts its count daily repeats every number: the rest is not listed.
inline constexpr std::size_t kSequenceRepeatsMax = 1000;

/// The numbers seen, as runs: a till that counts without holes costs one entry, however long the period.
class TerminalNumbers {
 public:
  /// `number` >= 1, in any order. False where it was seen before.
  bool add(const std::string& terminal, std::int64_t number);
  /// By terminal, then number.
  std::vector<SequenceGap> gaps() const;

 private:
  using Runs = std::map<std::int64_t, std::int64_t>;  ///< first number of a run to its last
  std::map<std::string, Runs> terminals_;
};

}  // namespace tillsync
