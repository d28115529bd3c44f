// A connection whose answer is a stream: its slot stays at the queue's front, and the writer takes from the
// stream whenever the kernel has taken what came before. The body ends with the connection.
#include "agent/http_server/connection.h"
#include "agent/http_server/response_head.h"

namespace tillsync {

namespace {

/// An address that is locked out for others' wrong credentials keeps the streams that it has.
constexpr unsigned kLockedOut = 429;

}  // namespace

/// Moves what the stream has into output_, the answer's head before it; false where that is nothing.
bool Connection::gather_stream(Slot& slot) {
  const auto stream = slot.response.stream;
  if (output_.empty()) output_.emplace_back();
  if (!streaming_) {
    streaming_ = true;
    stream->on_wake_ = [weak = weak_from_this()] {
      if (const auto alive = weak.lock()) alive->flush();
    };
    append_head(output_.back(), slot.response,
                {.http_1_0 = slot.http_1_0, .close = true, .until_close = true}, host_->date());
  }
  auto more = stream->next();
  if (more) {
    output_.back() += *more;
    if (output_.size() == 1 && output_.back().empty()) output_.clear();
    return !output_.empty();
  }
  end_stream();
  return true;
}

/// The stream's end is the connection's: requests behind it get no answer.
void Connection::end_stream() {
  streaming_ = false;
  last_ = true;
  front_number_ += slots_.size();
  slots_.clear();
  bodies_under_way_bytes_ = 0;
}

/// Who was let in may not be any more: a token that is revoked or has expired ends its streams.
void Connection::check_stream() {
  const auto& admit = host_->options().admit;
  if (!admit) return;
  const auto refusal = admit(slots_.front().response.stream->request_);
  if (refusal && refusal->status != kLockedOut) close();
}

}  // namespace tillsync
