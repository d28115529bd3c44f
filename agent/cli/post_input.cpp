#include "agent/cli/post_input.h"

#include <utility>

namespace tillsync::cli {

std::optional<PostLine> LineReader::next() {
  std::streambuf* bytes = in_.rdbuf();
  using Traits = std::char_traits<char>;
  for (;;) {
    PostLine line;
    bool blank = true;
    int c = bytes->sbumpc();
    if (c == Traits::eof()) return std::nullopt;
    line.number = ++number_;
    for (; c != Traits::eof() && c != '\n'; c = bytes->sbumpc()) {
      if (c != ' ' && c != '\t' && c != '\r') blank = false;
      if (line.text.size() <= kDocumentBytesMax) line.text += static_cast<char>(c);
    }
    if (blank) continue;
    if (!line.text.empty() && line.text.back() == '\r') line.text.pop_back();
    if (line.text.size() > kDocumentBytesMax) {
      line.too_long = true;
      line.text.clear();
    }
    return line;
  }
}

Chunk ChunkReader::next() {
  Chunk chunk;
  std::size_t bytes = 0;
  while (chunk.size() < kChunkDocumentsMax) {
    std::optional<PostLine> line = held_ ? std::exchange(held_, std::nullopt) : lines_.next();
    if (!line) break;
    if (!chunk.empty() && (line->too_long || bytes + line->text.size() + 1 > kChunkBytesMax)) {
      held_ = std::move(line);
      break;
    }
    bytes += line->text.size() + 1;
    chunk.push_back(std::move(*line));
    if (chunk.back().too_long) break;
  }
  return chunk;
}

}  // namespace tillsync::cli
