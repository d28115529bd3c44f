// Cuts NDJSON into lines and lines into requests, with bounded memory. Main thread; knows nothing of HTTP.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace tillsync::cli {

/// Largest document (CONTRACT section 1).
inline constexpr std::size_t kDocumentBytesMax = 1024 * 1024;
/// What one request carries at most: small enough that a lost answer costs little to repeat.
inline constexpr std::size_t kChunkDocumentsMax = 500;
inline constexpr std::size_t kChunkBytesMax = 4 * 1024 * 1024;

struct PostLine {
  std::int64_t number = 0;  ///< from 1, blank lines counted
  std::string text;         ///< without its line end
  bool too_long = false;    ///< over kDocumentBytesMax; `text` is empty then
};

/// The lines that hold anything but white space.
class LineReader {
 public:
  explicit LineReader(std::istream& in) : in_(in) {}
  std::optional<PostLine> next();

 private:
  std::istream& in_;
  std::int64_t number_ = 0;
};

/// The documents of one request.
using Chunk = std::vector<PostLine>;

class ChunkReader {
 public:
  explicit ChunkReader(std::istream& in) : lines_(in) {}
  /// Empty at the end. A line that is too long comes in a chunk of its own.
  Chunk next();

 private:
  LineReader lines_;
  std::optional<PostLine> held_;  // read, but for the next chunk
};

}  // namespace tillsync::cli
