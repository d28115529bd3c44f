#include "agent/till_api/event_feed.h"

#include <fmt/format.h>
#include <algorithm>

#include "agent/ops_api/journal_reads.h"
#include "agent/till_api/answers.h"
#include "agent/views/event_view.h"
#include "platform/log/log.h"

namespace tillsync {
namespace {

/// A line that says nothing (HTML standard, section 9.2.6).
constexpr const char* kComment = ":\n\n";

ServerResponse refused(std::string_view name, std::string_view title, std::string_view detail) {
  auto response = problem_response(503, name, title, detail);
  response.headers.emplace_back("Retry-After", "5");
  return response;
}

}  // namespace

/// One stream: what is to be written next, and up to where that goes.
class EventReader final : public BodyStream {
 public:
  EventReader(ServerRequest request, EventFeed& feed, Sequence place, std::string greeting)
      : BodyStream(std::move(request)), feed_(feed), place_(place), pending_(std::move(greeting)) {}

  std::optional<std::string> next() override {
    if (!pending_.empty()) {
      hungry_ = false;
      quiet_ = false;
      return std::exchange(pending_, {});
    }
    if (ended_) return std::nullopt;
    hungry_ = true;
    feed_.pump();
    return std::string();
  }

  Sequence place() const { return place_; }
  /// All that it was given is written.
  bool hungry() const { return hungry_; }
  void give(const std::string& text, Sequence through) {
    place_ = through;
    if (text.empty()) return;
    hungry_ = false;
    pending_ = text;
    wake();
  }
  void end() {
    ended_ = true;
    if (hungry_) wake();
  }
  /// Whether it was told nothing since the last call.
  bool was_quiet() { return std::exchange(quiet_, true) && hungry_; }

 private:
  EventFeed& feed_;
  Sequence place_;
  std::string pending_;
  bool hungry_ = false;
  bool quiet_ = false;
  bool ended_ = false;
};

struct EventFeed::Page {
  std::string text;
  Sequence through;
  bool more = false;
};

EventFeed::EventFeed(EventLoop& loop, JournalThread& journal, WorkerPool& workers, EventFeedLimits limits)
    : loop_(loop), journal_(journal), workers_(workers), limits_(limits) {}

EventFeed::~EventFeed() = default;

void EventFeed::open(ServerRequest request, const Responder& respond) {
  if (stopped_)
    return respond(journal_error_answer(Error{ErrorKind::kUnavailable, "shutting-down",
                                              "tillsync is stopping; come again in a few seconds"}));
  std::string asked(request.header("last-event-id"));
  if (asked.empty()) asked = request.parameter("after").value_or("");
  const auto behind = integer(asked);
  if (!asked.empty() && !behind) {
    return respond(
        problem_response(400, "malformed", "The place to go on from is malformed",
                         "Last-Event-ID, or after=, is the id of an event: a sequence of the journal."));
  }
  if (readers().size() >= limits_.readers_max) {
    log::warning("events.too_many_readers", {{"readers_max", limits_.readers_max}});
    return respond(refused("too-many-readers", "Too many read events",
                           fmt::format("{} readers are connected, and no more are taken; share one, or ask "
                                       "for documents one by one.",
                                       limits_.readers_max)));
  }
  followed_ = true;  // before the head is read: what is committed from here on is told
  head_ = journal_.head();
  const bool foreign = behind && *behind > head_.value;
  const Sequence place = behind && !foreign ? Sequence{*behind} : head_;
  std::string greeting = fmt::format("retry: {}\n", limits_.retry.count());
  if (foreign) greeting += fmt::format("event: reset\ndata: {{\"head\":{}}}\n", head_.value);
  greeting += fmt::format("id: {}\n\n", place.value);
  auto reader = std::make_shared<EventReader>(std::move(request), *this, place, std::move(greeting));
  readers_.emplace_back(reader);
  if (!std::exchange(beating_, true)) loop_.call_after(limits_.heartbeat, [this] { beat(); });
  ServerResponse response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("Cache-Control", "no-store");
  response.headers.emplace_back("X-Accel-Buffering", "no");  // nginx would hold events back
  response.stream = std::move(reader);
  respond(std::move(response));
}

/// Those whose connections live.
EventFeed::Readers EventFeed::readers() {
  Readers alive;
  for (const auto& weak : readers_) {
    if (auto reader = weak.lock()) alive.push_back(std::move(reader));
  }
  if (alive.size() < readers_.size()) readers_.assign(alive.begin(), alive.end());
  if (alive.empty()) followed_ = false;
  return alive;
}

void EventFeed::committed() {
  if (!followed_ || told_.exchange(true)) return;
  loop_.post([this] {
    told_ = false;
    head_ = journal_.head();
    pump();
  });
}

void EventFeed::pump() {
  if (fetching_ || stopped_) return;
  const auto next = whose_turn();
  if (!next) return;
  served_ = next->place();
  fetch(served_);
}

/// Of those who could be told more the first behind the place that was served last, else the first of all.
std::shared_ptr<EventReader> EventFeed::whose_turn() {
  std::shared_ptr<EventReader> next, first;
  for (const auto& reader : readers()) {
    const Sequence place = reader->place();
    if (!reader->hungry() || place >= head_ || (resting_ && place >= *resting_)) continue;
    if (!first || place < first->place()) first = reader;
    if (place > served_ && (!next || place < next->place())) next = reader;
  }
  return next ? next : first;
}

void EventFeed::fetch(Sequence after) {
  fetching_ = true;
  const bool queued = workers_.run([this, after, head = head_](JournalReader& reader) {
    auto events = read_events(reader, after, limits_.page_events_max, limits_.page_records_max);
    if (!events) {
      log::warning("events.not_read", {{"code", events.error().code}, {"detail", events.error().detail}});
      return loop_.post([this, after] { failed(after); });
    }
    // Where the last records are gone (a recovery could not carry them over) the end is the head.
    auto page = std::make_shared<Page>(
        Page{{}, events->more ? events->through : std::max(events->through, head), events->more});
    for (const auto& event : events->events) append_event(page->text, event);
    loop_.post([this, after, page] { arrived(after, *page); });
  });
  if (queued) return;
  loop_.call_after(limits_.again, [this] {
    fetching_ = false;
    pump();
  });
}

void EventFeed::arrived(Sequence after, const Page& page) {
  if (!page.more) rest_at(page.through);
  // Still `fetching`: what is given makes readers ask for more, and all of them are to have this first.
  for (const auto& reader : readers()) {
    if (reader->hungry() && reader->place() == after) reader->give(page.text, page.through);
  }
  fetching_ = false;
  pump();
}

/// Whoever waits for that page comes again, with the place it has.
void EventFeed::failed(Sequence after) {
  for (const auto& reader : readers()) {
    if (reader->hungry() && reader->place() == after) reader->end();
  }
  fetching_ = false;
  pump();
}

/// What is committed from now on is looked at together, a little later.
void EventFeed::rest_at(Sequence end) {
  if (std::exchange(resting_, end)) return;
  loop_.call_after(limits_.rest, [this] {
    resting_.reset();
    pump();
  });
}

void EventFeed::beat() {
  const auto all = readers();
  beating_ = !all.empty() && !stopped_;
  if (!beating_) return;
  for (const auto& reader : all) {
    if (reader->was_quiet()) reader->give(kComment, reader->place());
  }
  loop_.call_after(limits_.heartbeat, [this] { beat(); });
}

void EventFeed::stop() {
  stopped_ = true;
  for (const auto& reader : readers()) reader->end();
}

}  // namespace tillsync
