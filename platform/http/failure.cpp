#include "platform/http/failure.h"

#include <curl/curl.h>

namespace tillsync::http {
namespace {

std::string_view code_of_transport(CURLcode code, bool sent) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "resolve";
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
      return "proxy";
    case CURLE_COULDNT_CONNECT:
      return "connect";
    case CURLE_OPERATION_TIMEDOUT:
      return "timeout";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return "tls";
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return "reset";
    case CURLE_PARTIAL_FILE:
      return "answer-cut";
    case CURLE_URL_MALFORMAT:
      return "invalid-url";
    case CURLE_UNSUPPORTED_PROTOCOL:  // libcurl's word for HTTP/0.9 too
      return sent ? "bad-answer" : "invalid-url";
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return "bad-answer";
    default:
      return "failed";
  }
}

}  // namespace

Failure describe_failure(const FailureFacts& facts) {
  const auto code = static_cast<CURLcode>(facts.curl_code);
  Failure failure;
  failure.sent = facts.sent;
  if (facts.resend_refused) {
    failure.code = "reset";
    failure.detail = "the kept-alive connection ended before an answer came; the request was not sent again";
  } else if (facts.answer_too_large) {
    failure.code = "answer-too-large";
    failure.detail = "the answer is longer than this program takes";
  } else if (code == CURLE_OK) {
    failure.code = "answer-cut";
    failure.detail = "the connection ended inside the answer's header";
  } else if (!facts.sent && facts.tunnel_status != 0 && facts.tunnel_status / 100 != 2) {
    failure.code = "proxy";
    failure.detail = "the proxy refused the tunnel with HTTP " + std::to_string(facts.tunnel_status);
  } else {
    failure.code = code_of_transport(code, facts.sent);
    if (failure.code == "reset" && facts.answer_begun) failure.code = "answer-cut";
    failure.detail = facts.curl_text.empty() ? curl_easy_strerror(code) : std::string(facts.curl_text);
  }
  return failure;
}

}  // namespace tillsync::http
