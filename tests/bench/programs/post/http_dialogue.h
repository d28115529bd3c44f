// A till: posts sales of its own, one by one or many as NDJSON, and reads the answers.
#pragma once

#include <string>

#include "tests/bench/programs/support/closed_loop.h"
#include "tests/bench/programs/support/sale.h"

namespace tillsync::bench {

class HttpDialogue final : public Dialogue {
 public:
  /// `lines` documents a request: 0 for a single post (201 is good), else NDJSON (200, and one `"status":201`
  /// a document). `numbers` must outlive it.
  HttpDialogue(const Sale& sale, std::size_t lines, Numbers& numbers);
  std::string_view request() override;
  Answer answer(std::string_view in) override;

 private:
  std::size_t lines_;
  Numbers& numbers_;
  std::string request_;
  std::vector<std::size_t> ids_at_;
};

}  // namespace tillsync::bench
