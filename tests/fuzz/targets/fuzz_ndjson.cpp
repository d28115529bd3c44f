// Bulk bodies (NDJSON, CloudEvents batch) through BulkPost with a real journal: every document gets the
// answer that a single post would get, in order, and what is answered 201 can be read back.
//
// The first byte says which of the two the rest is.
#include <chrono>
#include <future>
#include <map>

#include "agent/till_api/answers.h"
#include "agent/till_api/bulk_post.h"
#include "agent/till_api/cloud_event.h"
#include "outbox/document/canonical.h"
#include "outbox/document/codec.h"
#include "tests/fuzz/support.h"
#include "tests/support/temp_dir.h"

namespace tillsync::fuzz {
namespace {

// Small, so that bodies of a few lines meet every limit.
constexpr std::size_t kDocumentsMax = 48;
constexpr TillApiLimits kLimits{.bulk_documents_max = kDocumentsMax,
                                .bulk_answer_bytes_max = 8 * 1024,
                                .bulk_chunk_documents = 4,
                                .bulk_chunk_bytes = 2 * 1024};
// A journal is left behind when it holds so many.
constexpr std::size_t kJournaledMax = 20'000;

/// A journal with what is behind the till API, and what it must hold by now.
class Store {
 public:
  Store() {
    auto journal = Journal::open({.folder = dir_.path().string(), .vfs = ""}, clock_).value();
    journal_ = std::make_unique<JournalThread>(std::move(journal), clock_, JournalThreadLimits{},
                                               [](const CommitNews&) {});
    workers_ = WorkerPool::start(dir_.path().string(), 1).value();
    reader_ = JournalReader::open(dir_.path().string()).value();
    parts_.emplace(
        TillApi::Parts{loop_, *journal_, *workers_, store(), [] { return Health{}; }, [] { return true; }});
  }

  ServerResponse post(std::string body, bool events) {
    auto answered = std::make_shared<std::promise<ServerResponse>>();
    auto answer = answered->get_future();
    auto bulk = std::make_shared<BulkPost>(
        *parts_, kLimits, std::move(body), DocumentMeta{},
        [answered](ServerResponse response) { answered->set_value(std::move(response)); });
    const bool queued = workers_->run(
        [bulk, events](JournalReader&) { events ? bulk->start_events() : bulk->start_ndjson(); });
    FUZZ_CHECK(queued, "an idle pool takes a job");
    FUZZ_CHECK(answer.wait_for(std::chrono::seconds(30)) == std::future_status::ready,
               "a bulk post is answered");
    return answer.get();
  }

  /// What a document is answered now; notes it as journaled.
  int expected_status(const Document& document) {
    const auto [known, is_new] = journaled_.emplace(document.id, content_digest(document));
    if (is_new) return 201;
    return known->second == content_digest(document) ? 200 : 422;
  }
  bool is_full() const { return journaled_.size() > kJournaledMax; }
  JournalReader& reader() { return *reader_; }

 private:
  testing::TempDir dir_;
  SystemClock clock_;
  EventLoop loop_;
  std::unique_ptr<JournalThread> journal_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<JournalReader> reader_;
  std::optional<TillApi::Parts> parts_;
  std::map<std::string, Sha256Digest> journaled_;
};

Store& current_store() {
  // OpenSSL cleans up at exit what its threads have: its exit handler has to be registered before this one's.
  static const Sha256Digest first = sha256("");
  (void)first;
  static std::unique_ptr<Store> store;
  if (!store || store->is_full()) {
    store.reset();
    store = std::make_unique<Store>();
  }
  return *store;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

using Checked = std::variant<Document, Refusal>;

/// What each document of the body is by itself; nothing where the body is no batch at all.
std::optional<std::vector<Checked>> documents_of(std::string_view body, bool events) {
  std::vector<Checked> documents;
  if (!events) {
    for (const auto line : lines_of(body)) {
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      documents.push_back(parse_document(line, store()));
    }
    return documents;
  }
  const auto batch = json::parse(body);
  if (!batch || batch->as_array() == nullptr) return std::nullopt;
  for (const auto& event : *batch->as_array()) documents.push_back(document_of_event(event, store()));
  return documents;
}

void check_problem(const json::Value& line, const Refusal& refusal) {
  const auto expected = refusal_answer(refusal);
  const auto* problem = line.find("problem");
  FUZZ_CHECK(line.integer_of("status") == expected.status, "a line has the status of a single post");
  FUZZ_CHECK(problem != nullptr, "a refused line says why");
  const auto alone = json::parse(expected.body).value();
  for (const auto* member : {"type", "title", "detail"}) {
    FUZZ_CHECK(problem->text_of(member) == alone.text_of(member), "in the words of a single post");
  }
}

void check_journaled(Store& store, const json::Value& line, const Document& document) {
  const int status = static_cast<int>(line.integer_of("status"));
  FUZZ_CHECK(status == store.expected_status(document), "new, had it already, or the id is another's");
  if (status == 422) {
    const auto* problem = line.find("problem");
    FUZZ_CHECK(problem != nullptr && problem->text_of("type") == "urn:tillsync:problem:id-reused",
               "a reused id is said to be one");
    return;
  }
  FUZZ_CHECK(line.text_of("id") == document.id, "a line names its document");
  FUZZ_CHECK((line.find("replayed") != nullptr) == (status == 200), "a replay is said to be one");
  const auto stored = store.reader().find(document.id);
  FUZZ_CHECK(stored.has_value() && stored->has_value(), "what is answered is in the journal");
  FUZZ_CHECK((*stored)->sequence.value == line.integer_of("sequence"), "under the sequence it was given");
  FUZZ_CHECK(content_digest((*stored)->document) == content_digest(document), "as it was posted");
}

void check(std::string_view body, bool events) {
  Store& store = current_store();
  const auto response = store.post(std::string(body), events);
  const auto documents = documents_of(body, events);
  if (!documents) {
    FUZZ_CHECK(response.status == 400, "what is no batch is refused as a whole");
    return;
  }
  if (documents->size() > kDocumentsMax) {
    FUZZ_CHECK(response.status == 413, "too many documents are refused as a whole");
    return;
  }
  FUZZ_CHECK(response.status == 200, "a bulk post is answered line by line");
  const auto lines = lines_of(response.body);
  FUZZ_CHECK(lines.size() == documents->size(), "a line for each document");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto line = json::parse(lines[i]);
    FUZZ_CHECK(line.has_value(), lines[i]);
    if (const auto* refusal = std::get_if<Refusal>(&(*documents)[i])) {
      check_problem(*line, *refusal);
    } else {
      check_journaled(store, *line, std::get<Document>((*documents)[i]));
    }
  }
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillsync::fuzz::Choices choices(tillsync::fuzz::text_of(data, size));
  const bool events = choices.below(2) == 1;
  tillsync::fuzz::check(choices.rest(), events);
  return 0;
}
