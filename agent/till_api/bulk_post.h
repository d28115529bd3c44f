// Many documents in one body (NDJSON, CloudEvents batch): checked and journaled in chunks, answered line by
// line, in order. While the journal writes one chunk the next is checked.
#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include "agent/http_server/server.h"
#include "agent/till_api/till_api.h"

namespace tillsync {

class BulkPost : public std::enable_shared_from_this<BulkPost> {
 public:
  BulkPost(TillApi::Parts& parts, const TillApiLimits& limits, std::string body, DocumentMeta meta,
           Responder respond, std::string caller = {})
      : parts_(parts),
        limits_(limits),
        body_(std::move(body)),
        meta_(std::move(meta)),
        respond_(std::move(respond)),
        caller_(std::move(caller)) {}

  /// Begins, on a worker thread; goes on by itself between worker and journal threads until all is answered.
  void start_ndjson();
  /// Parses the batch first: a body that is no JSON array is refused as a whole.
  void start_events();

 private:
  struct Item {
    std::string line;  ///< the answer, once there is one
    std::string id;
    bool waits = false;  ///< for the journal
  };
  struct Chunk {
    std::vector<Item> items;
    std::vector<DocumentPost> posts;          ///< of the items that wait; gone once the journal has them
    std::vector<Result<PostAnswer>> answers;  ///< of those, in order
    std::size_t bytes = 0;
    bool answered = false;  ///< guarded by mutex_
  };
  void step();
  bool write_answered();
  std::shared_ptr<Chunk> take_chunk();
  void add(Chunk& chunk, std::variant<Document, Refusal> checked, DocumentMeta meta, std::size_t bytes);
  void journal(const std::shared_ptr<Chunk>& chunk);
  void write_lines(const Chunk& chunk);
  void finish();

  TillApi::Parts& parts_;
  const TillApiLimits& limits_;
  std::string body_;
  const DocumentMeta meta_;
  Responder respond_;
  const std::string caller_;  ///< the terminal whose documents alone may come, "" for any
  bool events_ = false;
  std::size_t next_ = 0;  // byte of the body, or index of the event
  json::Value batch_;
  std::string answer_;
  bool taken_all_ = false;
  // Of all above only one worker at a time makes use, or the journal thread where the workers take no job.

  std::mutex mutex_;
  std::deque<std::shared_ptr<Chunk>> under_way_;  ///< guarded by mutex_; at most kChunksUnderWay, in order
  bool stepping_ = true;                          ///< guarded by mutex_; somebody is in step(), or about to
};

}  // namespace tillsync
