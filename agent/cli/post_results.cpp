#include "agent/cli/post_results.h"

#include <fmt/format.h>

#include "agent/cli/support.h"
#include "platform/json/json.h"
#include "platform/log/printable.h"

namespace tillsync::cli {
namespace {

constexpr std::size_t kFaultsShownMax = 3;

bool comes_later(std::int64_t status) {
  return status == 429 || status == 503 || status == 507;
}

// Title, detail and the first faults of a problem (RFC 9457).
std::string problem_text(const json::Value& result) {
  const json::Value* problem = result.find("problem");
  if (problem == nullptr) return fmt::format("status {}", result.integer_of("status"));
  std::string text(problem->text_of("title"));
  if (!problem->text_of("detail").empty()) text.append(": ").append(problem->text_of("detail"));
  const json::Value* errors = problem->find("errors");
  if (errors == nullptr || errors->as_array() == nullptr) return text;
  std::size_t shown_count = 0;
  for (const json::Value& fault : *errors->as_array()) {
    if (++shown_count > kFaultsShownMax)
      return text + fmt::format("; and {} more", errors->as_array()->size() - kFaultsShownMax);
    text.append("; ").append(fault.text_of("pointer")).append(" ").append(fault.text_of("detail"));
  }
  return text;
}

std::string id_of(const PostLine& line) {
  const auto document = json::parse(line.text);
  return document ? std::string(document->text_of("id")) : std::string();
}

Result<std::vector<json::Value>> parse_lines(std::string_view body, std::size_t expected) {
  std::vector<json::Value> results;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    const std::string_view line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto parsed = json::parse(line);
    if (!parsed)
      return Error{ErrorKind::kCorrupt, "answer", "the daemon's answer holds a line that is no JSON"};
    results.push_back(std::move(*parsed));
  }
  if (results.size() != expected) {
    return Error{ErrorKind::kCorrupt, "answer",
                 fmt::format("the daemon answered {} results for {} documents", results.size(), expected)};
  }
  return results;
}

std::string with_line(std::int64_t number, const json::Value& result) {
  json::Object out = {{"line", number}};
  if (const json::Object* members = result.as_object())
    out.insert(out.end(), members->begin(), members->end());
  return json::dump(out) + "\n";
}

}  // namespace

void PostTally::refuse(const PostLine& line, std::string_view id, std::string_view why) {
  ++refused;
  if (refusals.size() >= kRefusedShownMax) return;
  refusals.push_back(fmt::format("line {}{}: {}", line.number, id.empty() ? "" : " id " + printable(id, 200),
                                 printable(why, 1000)));
}

std::string PostTally::text() const {
  return fmt::format("{} documents: {} journaled, {} already there, {} refused", documents(), journaled,
                     already_there, refused);
}

Result<ChunkOutcome> read_results(const Chunk& chunk, std::string_view body, PostTally& tally) {
  const auto results = parse_lines(body, chunk.size());
  if (!results) return results.error();
  ChunkOutcome outcome;
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    const json::Value& result = (*results)[i];
    const std::int64_t status = result.integer_of("status");
    if (comes_later(status)) {
      outcome.again.push_back(chunk[i]);
      outcome.again_status = static_cast<int>(status);
      continue;
    }
    if (status == 201) {
      ++tally.journaled;
    } else if (status == 200) {
      ++tally.already_there;
    } else {
      tally.refuse(chunk[i], id_of(chunk[i]), problem_text(result));
    }
    outcome.json_lines += with_line(chunk[i].number, result);
  }
  return outcome;
}

}  // namespace tillsync::cli
