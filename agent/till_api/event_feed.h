// GET /v1/events: what becomes of deliveries, as server-sent events (HTML standard, section 9.2). Event
// loop's thread, but for committed().
//
// Nothing is kept for a reader but its place: events come from the journal, a page at a time, and a place is
// a record's sequence, which is the event's id as well. Readers at the same place share a page; one page is
// read at a time, by one worker, turn by turn, so that readers far behind hold up neither the others nor
// posts. A quiet journal is not read: commits wake the feed, and only while somebody listens.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/http_server/event_loop.h"
#include "agent/http_server/server.h"
#include "agent/workers/worker_pool.h"
#include "outbox/journal/journal_thread.h"

namespace tillsync {

struct EventFeedLimits {
  std::size_t readers_max = 64;          ///< one more gets 503
  std::size_t page_events_max = 128;     ///< read, and held for a reader, at once
  std::size_t page_records_max = 4'096;  ///< looked at for a page
  std::chrono::milliseconds rest{50};    ///< between two looks at the journal's end: a busy one commits often
  std::chrono::milliseconds again{1'000};  ///< until another try where the workers have too much to do
  /// A comment goes to whoever was told nothing for so long, or up to twice as long: it keeps what stands in
  /// between from closing, and shows us who is gone. Who takes nothing for ServerOptions::write_deadline is
  /// cut.
  std::chrono::milliseconds heartbeat{10'000};
  std::chrono::milliseconds retry{2'000};  ///< what a reader is told to wait before it comes again
};

class EventReader;

class EventFeed {
 public:
  /// All must outlive it; it must outlive the server that its answers go to.
  EventFeed(EventLoop& loop, JournalThread& journal, WorkerPool& workers, EventFeedLimits limits);
  ~EventFeed();

  /// Behind Last-Event-ID, else behind the parameter `after`, else from now on. 400 `malformed` where neither
  /// is a sequence, 503 `too-many-readers` or `shutting-down` with Retry-After.
  void open(ServerRequest request, const Responder& respond);
  /// The journal has committed; from the journal thread.
  void committed();
  /// Ends every stream; from here on none is opened.
  void stop();

 private:
  friend class EventReader;
  struct Page;
  using Readers = std::vector<std::shared_ptr<EventReader>>;

  Readers readers();
  void pump();
  std::shared_ptr<EventReader> whose_turn();
  void fetch(Sequence after);
  void arrived(Sequence after, const Page& page);
  void failed(Sequence after);
  void rest_at(Sequence end);
  void beat();

  EventLoop& loop_;
  JournalThread& journal_;
  WorkerPool& workers_;
  const EventFeedLimits limits_;
  std::vector<std::weak_ptr<EventReader>> readers_;  ///< their connections own them
  Sequence head_;                                    ///< of the journal, as far as it was told
  Sequence served_;                                  ///< the place that had the last turn
  std::optional<Sequence> resting_;                  ///< no look from this place on
  bool fetching_ = false;
  bool beating_ = false;
  bool stopped_ = false;
  std::atomic<bool> followed_{false};  ///< somebody listens
  std::atomic<bool> told_{false};      ///< a commit was told, and not yet looked at
};

}  // namespace tillsync
