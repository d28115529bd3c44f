#include "tests/bench/programs/post/http_dialogue.h"

#include <algorithm>
#include <cstdlib>

namespace tillsync::bench {
namespace {

std::uint64_t count_of(std::string_view text, std::string_view word) {
  std::uint64_t count = 0;
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + word.size()))
    ++count;
  return count;
}

}  // namespace

HttpDialogue::HttpDialogue(const Sale& sale, std::size_t lines, Numbers& numbers)
    : lines_(lines), numbers_(numbers) {
  const std::size_t documents = std::max<std::size_t>(lines, 1);
  const std::size_t body_bytes = lines == 0 ? sale.text().size() : documents * (sale.text().size() + 1);
  request_ = "POST /v1/documents HTTP/1.1\r\nHost: localhost\r\nContent-Type: ";
  request_ += lines == 0 ? "application/json" : "application/x-ndjson";
  request_ += "\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n\r\n";
  for (std::size_t i = 0; i < documents; ++i) {
    ids_at_.push_back(request_.size() + sale.id_at());
    request_ += sale.text();
    if (lines > 0) request_ += '\n';
  }
}

std::string_view HttpDialogue::request() {
  for (const std::size_t at : ids_at_) Sale::write_id(request_.data() + at, numbers_.run, numbers_.next++);
  return request_;
}

Answer HttpDialogue::answer(std::string_view in) {
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const auto head = in.find("\r\n\r\n");
  if (head == std::string_view::npos) return {};
  const auto length = in.substr(0, head).find(kLength);
  if (length == std::string_view::npos) return {in.size(), 0, false};
  const auto body_bytes = std::strtoull(in.data() + length + kLength.size(), nullptr, 10);
  if (in.size() < head + 4 + body_bytes) return {};
  const auto status = in.substr(9, 3);
  const auto body = in.substr(head + 4, body_bytes);
  Answer out{head + 4 + body_bytes};
  if (lines_ == 0) {
    out.good = status == "201";
    out.documents = out.good ? 1 : 0;
  } else {
    out.documents = status == "200" ? count_of(body, "\"status\":201") : 0;
    out.good = out.documents == lines_;
  }
  return out;
}

}  // namespace tillsync::bench
