// The till API (CONTRACT section 2): what tills post, and what they may ask. Runs on the event loop's thread.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "agent/http_server/event_loop.h"
#include "agent/http_server/server.h"
#include "agent/till_api/event_feed.h"
#include "agent/till_api/post_batches.h"
#include "agent/till_api/settle_waiters.h"
#include "agent/workers/worker_pool.h"
#include "outbox/document/validation.h"
#include "outbox/journal/journal_thread.h"

namespace tillsync {

/// What the daemon tells of itself; filled by the assembly.
struct Health {
  bool accepting = true;
  std::int64_t backlog = 0;
  std::map<std::string, std::string> targets;  ///< name to state
};

struct TillApiLimits {
  std::size_t bulk_bytes_max = 64 * 1024 * 1024;
  /// A body with more is refused as a whole. More than 64 MiB hold of the smallest documents (over 110
  /// bytes).
  std::size_t bulk_documents_max = 650'000;
  std::size_t bulk_answer_bytes_max =
      64 * 1024 * 1024;                    ///< beyond it refusals are told without their single faults
  std::size_t bulk_chunk_documents = 256;  ///< documents of a bulk body that are committed together
  std::size_t bulk_chunk_bytes = 4 * 1024 * 1024;
  std::chrono::seconds wait_max{300};  ///< a longer Prefer: wait is cut to this
  std::size_t waiters_max =
      4'096;  ///< posts held by Prefer: wait at once; one more is answered without waiting
  EventFeedLimits events;
};

class TillApi {
 public:
  struct Parts {
    EventLoop& loop;
    JournalThread& journal;
    WorkerPool& workers;
    StoreDefaults store;
    std::function<Health()> health;
    std::function<bool()> disk_has_room;  ///< false at the disk reserve: posts are refused with 507
  };
  TillApi(Parts parts, TillApiLimits limits = {});

  /// For ServerOptions::body_bytes_max and HttpServer's handler.
  std::uint64_t body_bytes_max(const ServerRequest& head) const;
  void handle(ServerRequest request, Responder respond);
  /// The journal has committed; from the journal thread.
  void committed(const CommitNews& news);
  /// Answers every post that waits with what is known now, and ends the streams of events: the daemon stops.
  void release_waiters();

 private:
  void post(ServerRequest request, Responder respond);
  void post_single(const ServerRequest& request, Responder respond);
  void post_event(const ServerRequest& request, Responder respond);
  /// `events_trace`: the traceparent that the event itself carries, which goes before the header's.
  void post_document(const ServerRequest& request, std::variant<Document, Refusal> checked,
                     std::string events_trace, Responder respond);
  void post_bulk(ServerRequest request, Responder respond, bool events);
  void show(const std::string& id, Responder respond);
  void answer_post(const std::string& id, std::chrono::milliseconds wait, const PostAnswer& answer,
                   const Responder& respond);

  Parts parts_;
  const TillApiLimits limits_;
  SettleWaiters waiters_;
  PostBatches batches_;
  EventFeed events_;
};

}  // namespace tillsync
