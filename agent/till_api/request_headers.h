// The header fields of a post that mean something here, read strictly.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "agent/http_server/server.h"
#include "outbox/journal/facts.h"

namespace tillsync {

enum class PostMedia { kJson, kNdjson, kCloudEvent, kCloudEventBatch };
/// From Content-Type (parameters ignored but a charset other than UTF-8); nothing for any other type, or a
/// Content-Encoding.
std::optional<PostMedia> post_media(const ServerRequest& request);

/// RFC 7240 `Prefer: wait=SECONDS`; zero where it is absent or unreadable.
std::chrono::seconds prefer_wait(const ServerRequest& request);

/// Whether `text` is a traceparent: version-traceid-parentid-flags, lower-case hexadecimal, neither id all
/// zeros (W3C Trace Context level 1, section 3.2).
bool is_traceparent(std::string_view text);

/// traceparent (W3C Trace Context, kept only where it is well-formed), X-Correlation-ID (1 to 128 printable
/// characters, else ignored) and Idempotency-Key (1 to 255 printable characters, quoted or not; kInvalid
/// otherwise).
Result<DocumentMeta> document_meta(const ServerRequest& request);

}  // namespace tillsync
