// What a till is told: refusals and acceptances as HTTP answers, the same for a single post and for a line of
// many.
#pragma once

#include <string>

#include "agent/http_server/server.h"
#include "outbox/document/validation.h"
#include "outbox/journal/journal.h"

namespace tillsync {

/// 400 malformed, 422 invalid-document or card-number, with every fault.
ServerResponse refusal_answer(const Refusal& refusal);
/// 503 journal-damaged, with Retry-After.
ServerResponse journal_damaged_answer();
/// 507 storage-exhausted, 503 shutting-down, overloaded, journal-damaged or storage-failed, each with
/// Retry-After.
ServerResponse journal_error_answer(const Error& error);
ServerResponse storage_exhausted_answer();
/// 422 id-reused.
ServerResponse reused_answer(const std::string& id, const PostAnswer& answer);
/// 403 forbidden: the document is another terminal's than the one that showed its token.
ServerResponse other_terminal_answer(const std::string& caller);
/// 201, or 200 with Idempotency-Replayed. `status` is what the body says.
ServerResponse accepted_answer(const std::string& id, const PostAnswer& answer, DocumentStatus status);

/// A line of a bulk answer: {"status":422,"problem":{...}} around a refusal, or around an acceptance its
/// members.
std::string bulk_line(const ServerResponse& refusal);
std::string bulk_line(const std::string& id, const Result<PostAnswer>& answer);

}  // namespace tillsync
