// One exchange under way, as libcurl sees it: its options, its callbacks, and what became of it.
// Single-threaded: used on the Client's thread only.
#pragma once

#include <curl/curl.h>

#include <functional>
#include <memory>
#include <optional>

#include "platform/http/client.h"

namespace tillsync::http {

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using List = std::unique_ptr<curl_slist, ListDeleter>;
using Easy = std::unique_ptr<CURL, EasyDeleter>;

/// A handle of libcurl's, and the one exchange that it has under way. Used for one exchange after the other.
/// libcurl holds its address: it never moves.
struct Transfer {
  Request request;
  std::function<void(Exchange)> done;
  Easy easy;
  List headers;
  List connect_to;
  Answer answer;
  std::size_t header_bytes = 0;
  int sends = 0;  ///< how often libcurl set out to send the request
  bool resend_refused = false;
  bool header_complete = false;
  bool too_large = false;
  bool options_stand = false;  ///< `easy` has the options of `request`
  char error_text[CURL_ERROR_SIZE] = {};
};

/// What must not reach the wire: header injection, a method that is no token. Nothing where the request is
/// sound.
std::optional<Failure> refusal(const Request& request);
/// Makes `transfer` ready for `request`. A handle that served one of the same kind before (route, trust,
/// credential, method, time-outs) keeps its options, and only what differs is set.
CURLcode prepare(Transfer& transfer, Request request);
/// Drops what the exchange held but what the next prepare() compares.
void clear(Transfer& transfer);
/// The exchange's end, from libcurl's result and what the callbacks saw. Moves the answer out.
Exchange conclude(Transfer& transfer, CURLcode code);

}  // namespace tillsync::http
