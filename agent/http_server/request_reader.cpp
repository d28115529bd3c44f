#include "agent/http_server/request_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <utility>

#include "platform/base/check.h"

namespace tillsync {
namespace {

namespace beast_http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

/// A chunk's header with its extensions, or a trailer, longer than this is no honest client's.
constexpr std::size_t kChunkHeaderBytesMax = 16 * 1024;
/// The shortest end of a chunked body, "0\r\n\r\n". Beast (1.81) asserts that a last chunk of which it saw
/// the first line comes to so many bytes the next time. Less is never all that is left of a body, so that it
/// may wait.
constexpr std::size_t kChunkedEndBytes = 5;
/// A body's memory is claimed ahead up to here; beyond it only what has come.
constexpr std::uint64_t kBodyReserveBytesMax = 1024 * 1024;

void append_lower(std::string& out, std::string_view text) {
  for (const char c : text) out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  std::string lowered;
  append_lower(lowered, text);
  return lowered == lower;
}

/// Fills a ServerRequest straight from the bytes, without Beast's own field container between.
class Parser final : public beast_http::basic_parser<true> {
 public:
  Parser(ServerRequest& request, std::uint32_t header_bytes_max) : request_(request) {
    header_limit(header_bytes_max);
    body_limit(boost::none);  // allow_body() and add_body() hold the limit: they know the request
  }

  std::uint64_t body_bytes_max = 0;
  bool body_too_large = false;
  bool bad_transfer_coding = false;
  bool expects_continue = false;
  bool http_1_0 = false;

 private:
  void on_request_impl(beast_http::verb, string_view method, string_view target, int version,
                       error_code&) override {
    http_1_0 = version == 10;
    request_.method.assign(method.data(), method.size());
    std::string_view text(target.data(), target.size());
    const std::size_t scheme = text.find("://");
    if (scheme != std::string_view::npos && text.front() != '/') {  // absolute-form, RFC 9112 section 3.2.2
      const std::size_t slash = text.find('/', scheme + 3);
      text = slash == std::string_view::npos ? std::string_view("/") : text.substr(slash);
    }
    text = text.substr(0, text.find('#'));
    const std::size_t question = text.find('?');
    request_.path = text.substr(0, question);
    if (question != std::string_view::npos) request_.query = text.substr(question + 1);
  }

  void on_response_impl(int, string_view, int, error_code&) override {}

  void on_field_impl(beast_http::field name, string_view name_text, string_view value,
                     error_code& error) override {
    if (is_header_done()) return;  // a trailer must not pass for a header (RFC 9110 section 6.5.1)
    if (name == beast_http::field::expect)
      expects_continue = equals_ignoring_case(std::string_view(value.data(), value.size()), "100-continue");
    // Any other coding than plain "chunked" would hide where the body ends.
    if (name == beast_http::field::transfer_encoding &&
        !equals_ignoring_case(std::string_view(value.data(), value.size()), "chunked"))
      bad_transfer_coding = true;
    // Beast lets a second length pass that is the same number; "02" is not for everybody what "2" is.
    if (name == beast_http::field::content_length && std::exchange(has_length_, true) &&
        request_.header("content-length") != std::string_view(value.data(), value.size())) {
      error = beast_http::error::bad_content_length;
      return;
    }
    auto& header = request_.headers.emplace_back();
    append_lower(header.first, std::string_view(name_text.data(), name_text.size()));
    header.second.assign(value.data(), value.size());
  }

  void on_header_impl(error_code&) override {}

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    if (length) request_.body.reserve(static_cast<std::size_t>(std::min(*length, kBodyReserveBytesMax)));
  }

  std::size_t on_body_impl(string_view body, error_code& error) override { return add_body(body, error); }

  void on_chunk_header_impl(std::uint64_t size, string_view, error_code& error) override {
    if (size <= body_bytes_max - request_.body.size()) return;
    body_too_large = true;
    error = beast_http::error::body_limit;
  }

  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code& error) override {
    return add_body(body, error);
  }

  void on_finish_impl(error_code&) override {}

  std::size_t add_body(string_view body, error_code& error) {
    if (body.size() > body_bytes_max - request_.body.size()) {
      body_too_large = true;
      error = beast_http::error::body_limit;
      return 0;
    }
    request_.body.append(body.data(), body.size());
    return body.size();
  }

  ServerRequest& request_;
  bool has_length_ = false;
};

}  // namespace

struct RequestReader::Impl {
  std::uint32_t header_bytes_max;
  State state = State::kHead;
  ProtocolError error = ProtocolError::kMalformed;
  std::size_t header_bytes = 0;
  ServerRequest request;
  std::optional<Parser> parser;

  void fail(ProtocolError how) {
    state = State::kFailed;
    error = how;
  }
  void fail(const error_code& code) {
    if (parser->body_too_large) return fail(ProtocolError::kBodyTooLarge);
    fail(code == beast_http::error::header_limit ? ProtocolError::kHeaderTooLarge
                                                 : ProtocolError::kMalformed);
  }

  std::size_t feed_head(std::string_view bytes) {
    error_code code;
    const std::size_t used = parser->put(boost::asio::buffer(bytes), code);
    header_bytes += used;
    if (parser->is_header_done()) {
      if (header_bytes > header_bytes_max) {
        fail(ProtocolError::kHeaderTooLarge);
      } else if (parser->bad_transfer_coding) {
        fail(ProtocolError::kMalformed);
      } else {
        state = State::kHeadDone;
      }
    } else if (code && code != beast_http::error::need_more) {
      fail(code);
    } else if (header_bytes + (bytes.size() - used) >= header_bytes_max) {
      fail(ProtocolError::kHeaderTooLarge);
    }
    return used;
  }

  std::size_t feed_body(std::string_view bytes) {
    std::size_t used = 0;
    while (!parser->is_done() && used < bytes.size()) {
      if (parser->chunked() && bytes.size() - used < kChunkedEndBytes && bytes[used] == '0') break;
      error_code code;
      const std::size_t step = parser->put(boost::asio::buffer(bytes.substr(used)), code);
      used += step;
      if (code && code != beast_http::error::need_more) {
        fail(code);
        return used;
      }
      if (code || step == 0) break;
    }
    if (parser->is_done()) {
      state = State::kDone;
    } else if (bytes.size() - used > kChunkHeaderBytesMax) {
      fail(ProtocolError::kMalformed);
    }
    return used;
  }
};

RequestReader::RequestReader(std::uint32_t header_bytes_max) : impl_(std::make_unique<Impl>()) {
  impl_->header_bytes_max = header_bytes_max;
  begin();
}

RequestReader::~RequestReader() = default;

void RequestReader::begin() {
  impl_->state = State::kHead;
  impl_->header_bytes = 0;
  impl_->request = ServerRequest{};
  impl_->request.headers.reserve(12);
  impl_->parser.emplace(impl_->request, impl_->header_bytes_max);
}

std::size_t RequestReader::feed(std::string_view bytes) {
  TILLSYNC_CHECK(state() == State::kHead || state() == State::kBody,
                 "a request's bytes are read while it wants some");
  return state() == State::kHead ? impl_->feed_head(bytes) : impl_->feed_body(bytes);
}

void RequestReader::allow_body(std::uint64_t bytes_max) {
  TILLSYNC_CHECK(state() == State::kHeadDone, "a body is allowed once its head is known");
  impl_->parser->body_bytes_max = bytes_max;
  if (impl_->parser->is_done()) {
    impl_->state = State::kDone;
  } else if (impl_->parser->content_length().value_or(0) > bytes_max) {
    impl_->fail(ProtocolError::kBodyTooLarge);
  } else {
    impl_->state = State::kBody;
  }
}

RequestReader::State RequestReader::state() const {
  return impl_->state;
}
ProtocolError RequestReader::error() const {
  return impl_->error;
}
ServerRequest& RequestReader::request() {
  return impl_->request;
}

std::optional<std::uint64_t> RequestReader::content_length() const {
  const auto length = impl_->parser->content_length();
  return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
}

bool RequestReader::keep_alive() const {
  return impl_->parser->keep_alive();
}
bool RequestReader::http_1_0() const {
  return impl_->parser->http_1_0;
}
bool RequestReader::expects_continue() const {
  return impl_->parser->expects_continue && !http_1_0();
}

}  // namespace tillsync
