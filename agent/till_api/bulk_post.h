// Many documents in one body (NDJSON, CloudEvents batch): checked and journaled in chunks, answered line by
// line, in order.
#pragma once

#include <memory>

#include "agent/http_server/server.h"
#include "agent/till_api/till_api.h"

namespace tillsync {

class BulkPost : public std::enable_shared_from_this<BulkPost> {
 public:
  BulkPost(TillApi::Parts& parts, const TillApiLimits& limits, std::string body, DocumentMeta meta,
           Responder respond)
      : parts_(parts),
        limits_(limits),
        body_(std::move(body)),
        meta_(std::move(meta)),
        respond_(std::move(respond)) {}

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
  void step();
  void take_chunk();
  void add(std::variant<Document, Refusal> checked, DocumentMeta meta, std::size_t bytes);
  void journaled(std::vector<Result<PostAnswer>> answers);
  void write_lines(const std::vector<Result<PostAnswer>>& answers);
  void finish();

  TillApi::Parts& parts_;
  const TillApiLimits& limits_;
  std::string body_;
  const DocumentMeta meta_;
  Responder respond_;
  bool events_ = false;
  std::size_t next_ = 0;  // byte of the body, or index of the event
  json::Value batch_;
  std::vector<Item> chunk_;
  std::vector<DocumentPost> posts_;
  std::size_t chunk_bytes_ = 0;
  std::string answer_;
};

}  // namespace tillsync
