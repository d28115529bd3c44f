// What the peers speak, as far as storing one document needs it. Each dialogue waits for the answer that its
// server calls durable or stored; what that answer promises is told in README.md.
#pragma once

#include <memory>
#include <string>

#include "tests/bench/programs/support/closed_loop.h"
#include "tests/bench/programs/support/sale.h"

namespace tillsync::bench {

/// Redis (RESP): SET id document, +OK.
std::unique_ptr<Dialogue> redis_dialogue(const Sale& sale, Numbers& numbers);
/// NATS JetStream: PUB with a reply subject of its own, the PubAck. Makes the stream, on files, where it is
/// missing.
std::unique_ptr<Dialogue> nats_dialogue(const Sale& sale, Numbers& numbers);
/// RabbitMQ (AMQP 0-9-1): basic.publish, persistent, to a durable queue of kind "classic" or "quorum"; the
/// publisher confirm.
std::unique_ptr<Dialogue> amqp_dialogue(const Sale& sale, Numbers& numbers, const std::string& queue_kind);

}  // namespace tillsync::bench
