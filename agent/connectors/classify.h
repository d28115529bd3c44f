// What an exchange with a target means for the deliveries in it (CONTRACT section 8, "what was sent
// decides"). Pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "outbox/delivery/outcome.h"
#include "outbox/delivery/target_port.h"
#include "platform/http/client.h"

namespace tillsync {

/// Bytes of Outcome::reason.
inline constexpr std::size_t kReasonBytesMax = 300;

/// | exchange                              | kind      | signal                                     |
/// |---------------------------------------|-----------|--------------------------------------------|
/// | failure, nothing sent                 | retryable | unreachable                                |
/// | failure, sent                         | unknown   | unreachable                                |
/// | 200, 201 with a central_reference     | delivered | fine                                       |
/// | other 2xx                             | unknown   | fine                                       |
/// | 1xx (never final)                     | unknown   | unreachable                                |
/// | 3xx                                   | rejected  | fine                                       |
/// | 401                                   | retryable | unauthorized                               |
/// | 409 of a type ending in "in-progress" | retryable | fine                                       |
/// | 429                                   | retryable | throttled                                  |
/// | other 4xx                             | rejected  | fine                                       |
/// | 503                                   | retryable | throttled with Retry-After, else unreachable |
/// | other 5xx                             | unknown   | unreachable                                |
Outcome classify(const http::Exchange& exchange);

/// The answer to a batch of `count` deliveries, one outcome for each. A 2xx answer that is no JSON array of
/// `count` items leaves all unknown; an item without a status leaves that one unknown; an answer that is no
/// 2xx goes for all.
std::vector<Outcome> classify_batch(const http::Exchange& exchange, std::size_t count);

/// The answer to a look-up of one delivery. Only a list that was read whole and is empty means absent.
LookUpAnswer classify_look_up(const http::Exchange& exchange, std::string_view reference,
                              std::string_view step);

/// For what was not sent because the one before it, `last`, showed that the target does not serve now.
Outcome not_reached(const Outcome& last);

/// The same outcome for `count` deliveries.
std::vector<Outcome> for_all(const Outcome& outcome, std::size_t count);

}  // namespace tillsync
