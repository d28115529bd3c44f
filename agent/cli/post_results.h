// Reads the daemon's NDJSON answer to a chunk of documents and counts what became of each. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/post_input.h"
#include "platform/base/result.h"

namespace tillsync::cli {

/// Refused documents that are told one by one.
inline constexpr std::size_t kRefusedShownMax = 20;

struct PostTally {
  std::int64_t journaled = 0;
  std::int64_t already_there = 0;
  std::int64_t refused = 0;
  std::vector<std::string> refusals;  ///< printable lines, the first kRefusedShownMax

  std::int64_t documents() const { return journaled + already_there + refused; }
  void refuse(const PostLine& line, std::string_view id, std::string_view why);
  /// "1000 documents: 990 journaled, 8 already there, 2 refused"
  std::string text() const;
};

/// What an answer leaves to do.
struct ChunkOutcome {
  Chunk again;             ///< documents the daemon will take later (429, 503, 507)
  int again_status = 0;    ///< the last such status
  std::string json_lines;  ///< the settled results, each with its "line"
};

/// kCorrupt where the answer has not one whole JSON line a document: then nothing was counted, and the chunk
/// may be sent again.
Result<ChunkOutcome> read_results(const Chunk& chunk, std::string_view body, PostTally& tally);

}  // namespace tillsync::cli
