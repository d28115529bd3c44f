#include "agent/views/cure.h"

namespace tillsync {
namespace {

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

std::string_view suggested_cure(std::string_view reason, int http_status) {
  if (reason.starts_with("held"))
    return "decide the conflict: `tillsync conflicts list`, then resolve; it goes on by itself";
  if (reason.starts_with("rejected by policy"))
    return "retry to send it all the same, amend it, or discard it; the conflict stays on record";
  switch (http_status) {
    case 401:
    case 403:
      return "let the target's owner give the store's credential its rights, then retry";
    case 404:
      return "check the target's base_url and what the document names at central, then retry";
    case 409:
      return "see at central what stands against it; retry once that is gone, or discard it if central has "
             "it";
    case 410:
      return "central no longer takes this; ask its owner, then amend or discard";
    case 413:
      return "let the target take larger documents, then retry";
    case 400:
    case 415:
      return "the target does not understand what is sent: check its connector (`tillsync connector try`), "
             "then retry";
    default:
      break;
  }
  if (has(reason, "SKU") || has(reason, "sku") || has(reason, "product") || has(reason, "article"))
    return "let central create the article and retry, or amend the document's SKU";
  if (has(reason, "period") || has(reason, "closed"))
    return "let central open the period and retry, or amend what it says about the day";
  return "read the target's answer: cure the cause at central and retry, amend the document, or discard it";
}

}  // namespace tillsync
