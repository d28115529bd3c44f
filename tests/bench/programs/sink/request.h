// As much of HTTP/1.1 as a client of the reference profile sends: a head, and a body of a stated length.
#pragma once

#include <cstddef>
#include <string_view>

namespace tillsync::bench {

/// Views into the bytes that were read.
struct SinkRequest {
  std::string_view method, target, key, body;
  bool wants_continue = false;  ///< the client holds its body back until it is told to go on
};

enum class Reading { kWhole, kPartial, kMalformed };

/// Reads the request at the front of `in`; `bytes` is its length where it is whole. Where only the body is
/// missing, the head's members are filled in.
Reading read_request(std::string_view in, SinkRequest& request, std::size_t& bytes);

}  // namespace tillsync::bench
