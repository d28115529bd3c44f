// The reference profile's answers (docs: the contract of the built-in `rest` connector): a central that takes
// everything, knows each key and, where it is told to keep rows, gives them back.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/bench/programs/sink/key_set.h"
#include "tests/bench/programs/sink/request.h"
#include "tests/bench/programs/support/measure.h"

namespace tillsync::bench {

class SinkProfile {
 public:
  /// `keep`: rows stay in memory, for the read-back; each document is then parsed, which is not cheap.
  explicit SinkProfile(bool keep) : keep_(keep) {}

  /// Appends the whole answer to `out`.
  void answer(const SinkRequest& request, std::string& out);
  /// {"documents","duplicates","requests","batches","look_ups","malformed","seconds","per_second"}:
  /// `documents` counts keys; `seconds` is from the first post's arrival to the last one's.
  std::string counts() const;

 private:
  void post(const SinkRequest& request, std::string& out);
  void batch(std::string_view body, std::string& out);
  void get(std::string_view target, std::string& out);
  bool take(std::string_view key, std::uint64_t& hash);
  void keep(std::string_view body, std::uint64_t hash);

  bool keep_;
  KeySet keys_;
  std::map<std::string, std::vector<std::string>, std::less<>> rows_;  // by business day
  std::map<std::string, std::string, std::less<>> row_of_key_;
  std::uint64_t requests_ = 0, posts_ = 0, batches_ = 0, duplicates_ = 0, look_ups_ = 0, malformed_ = 0,
                document_bytes_ = 0;
  bool serves_read_back_ = true;
  Instant first_{}, last_{};
};

}  // namespace tillsync::bench
