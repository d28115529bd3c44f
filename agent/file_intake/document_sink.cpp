#include "agent/file_intake/document_sink.h"

#include <algorithm>
#include <charconv>
#include <future>

#include "agent/till_api/answers.h"

namespace tillsync {
namespace {

/// The line that a fault of the document is at, as the file has it; "" where it is at none.
std::string xpath_of(const DocumentPlace& place, std::string_view pointer) {
  constexpr std::string_view kLines = "/lines/";
  if (!pointer.starts_with(kLines)) return {};
  std::size_t line = 0;
  const auto* const end = pointer.data() + pointer.size();
  const auto read = std::from_chars(pointer.data() + kLines.size(), end, line);
  return read.ec == std::errc() && line < place.line_xpaths.size() ? place.line_xpaths[line] : std::string();
}

}  // namespace

Result<void> DocumentSink::add(DocumentPlace place, std::variant<Document, Refusal> checked,
                               std::size_t bytes) {
  if (const auto* refusal = std::get_if<Refusal>(&checked)) {
    refuse(place, *refusal);
    return ok();
  }
  const auto& document = std::get<Document>(checked);
  posts_.push_back(make_post(document, {}));
  waiting_.push_back({std::move(place), document.id});
  bytes_ += bytes;
  if (posts_.size() < limits_.chunk_documents && bytes_ < limits_.chunk_bytes) return ok();
  return flush();
}

void DocumentSink::refuse(const DocumentPlace& place, const Refusal& refusal, const std::string& id) {
  auto told = refusal;
  if (problems_bytes_ > limits_.problems_bytes_max) told.faults.clear();
  for (auto& fault : told.faults) {
    if (const auto xpath = xpath_of(place, fault.pointer); !xpath.empty()) fault.detail += " (" + xpath + ")";
  }
  refuse(place, refusal_answer(told).body, id);
}

void DocumentSink::refuse(const DocumentPlace& place, std::string problem, const std::string& id) {
  problems_bytes_ += problem.size();
  outcome_.refused.push_back({place.number, place.xpath, id, std::move(problem)});
  if (outcome_.refused.size() >= limits_.refused_max) outcome_.gave_up = true;
}

Result<void> DocumentSink::flush() {
  if (posts_.empty()) return ok();
  if (!disk_has_room_()) return Error{ErrorKind::kStorage, "storage-full", "the disk is at its reserve"};
  std::promise<std::vector<Result<PostAnswer>>> promise;
  auto answered = promise.get_future();
  journal_.post(std::exchange(posts_, {}), [&promise](std::vector<Result<PostAnswer>> answers) {
    promise.set_value(std::move(answers));
  });
  const auto answers = answered.get();  // the journal answers every post, its last ones when it ends
  const auto waiting = std::exchange(waiting_, {});
  bytes_ = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i]) return answers[i].error();
    const auto& [place, id] = waiting[i];
    if (answers[i]->kind == PostAnswer::Kind::kReused) {
      refuse(place, reused_answer(id, *answers[i]).body, id);
      continue;
    }
    ++(answers[i]->kind == PostAnswer::Kind::kReplayed ? outcome_.had_already : outcome_.journaled);
    auto& taken = outcome_.taken;
    if (taken.empty() || place.number > taken.back().through + 1) {
      taken.push_back({place.number, place.number});
    } else {
      taken.back().through = place.number;
    }
  }
  return ok();
}

Result<DocumentSink::Outcome> DocumentSink::finish() {
  if (auto flushed = flush(); !flushed) return flushed.error();
  // Those that the journal refused came later than those that it was not asked for.
  std::stable_sort(outcome_.refused.begin(), outcome_.refused.end(),
                   [](const RefusedDocument& a, const RefusedDocument& b) { return a.number < b.number; });
  return std::move(outcome_);
}

}  // namespace tillsync
