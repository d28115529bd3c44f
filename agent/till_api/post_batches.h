// Single posts that came in one turn of the event loop go to the journal together, and their answers come
// back together: one hand-over each way in the place of one a post. Event loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "agent/http_server/event_loop.h"
#include "outbox/journal/journal_thread.h"

namespace tillsync {

struct PostBatchLimits {
  /// A batch of so many goes at once, before the turn's end: the journal works on it while the loop reads on.
  std::size_t posts_max = 32;
  std::size_t bytes_max = 64 * 1024;  ///< likewise, of encoded documents: a large one travels alone
};

class PostBatches {
 public:
  /// Both must outlive it, and the loop every answer of the journal: that is, the journal goes before the
  /// loop. What the loop has not run when it ends is dropped, `done` with it.
  PostBatches(EventLoop& loop, JournalThread& journal, PostBatchLimits limits = {})
      : loop_(loop), journal_(journal), limits_(limits) {}

  /// `done` runs on the loop's thread once the document is durable, or with why not (JournalThread::post).
  /// Posts of a batch share a transaction: where the disk fails one of them, it fails them all.
  void add(DocumentPost post, std::function<void(Result<PostAnswer>)> done);

 private:
  void hand_over();

  EventLoop& loop_;
  JournalThread& journal_;
  const PostBatchLimits limits_;
  std::vector<DocumentPost> posts_;
  std::vector<std::function<void(Result<PostAnswer>)>> done_;  ///< of each
  std::size_t bytes_ = 0;
  bool turn_ends_later_ = false;  ///< a hand_over() waits behind what the loop has ready
};

}  // namespace tillsync
