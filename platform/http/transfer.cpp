#include "platform/http/transfer.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "platform/base/check.h"
#include "platform/http/failure.h"
#include "platform/http/system_trust.h"

namespace tillsync::http {
namespace {

/// All header bytes of one answer.
constexpr std::size_t kAnswerHeaderBytesMax = 256 * 1024;
/// Idle connections are left unused after this: below the 60 to 75 s at which servers and balancers close
/// theirs, so that a request seldom meets a connection that dies under it.
constexpr long kIdleConnectionAgeMax_s = 50;
constexpr long kKeepAliveIdle_s = 60;
constexpr long kKeepAliveInterval_s = 15;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// RFC 9110 section 5.6.2.
constexpr auto kTokenBytes = [] {
  std::array<bool, 256> token{};
  for (char c = '0'; c <= '9'; ++c) token[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) token[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) token[static_cast<unsigned char>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) token[static_cast<unsigned char>(c)] = true;
  return token;
}();

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return kTokenBytes[static_cast<unsigned char>(c)]; });
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

/// No control characters but the tab: a CR, LF or NUL would let a value become further headers.
bool is_field_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
  });
}

bool may_resend(const Transfer& transfer) {
  // RFC 9110 section 9.2.1: safe methods; for all others a second send is the caller's to decide.
  return transfer.request.body.empty() &&
         (transfer.request.method == "GET" || transfer.request.method == "HEAD");
}

/// Called each time a connection (with its TLS and proxy tunnel) stands and the request is about to be
/// written: before the first call nothing of it has left; a second call is libcurl's own retry after a
/// kept-alive connection died.
int on_before_request(void* context, char*, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (transfer.sends > 0 && !may_resend(transfer)) {
    long request_bytes = 1;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_REQUEST_SIZE, &request_bytes);
    if (request_bytes != 0) {
      transfer.resend_refused = true;
      return CURL_PREREQFUNC_ABORT;
    }
  }
  ++transfer.sends;
  return CURL_PREREQFUNC_OK;
}

void begin_header(Transfer& transfer) {
  transfer.answer = {};
  transfer.header_complete = false;
}

void end_header(Transfer& transfer) {
  long status = 0;
  curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
  transfer.answer.status = static_cast<int>(status);
  transfer.header_complete = status >= 200;  // 1xx: the answer's own header is still to come
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.header_bytes += size;
  if (transfer.header_bytes > kAnswerHeaderBytesMax) {
    transfer.too_large = true;
    return 0;
  }
  const std::string_view whole(data, size);
  const std::string_view line = trimmed(whole);
  if (transfer.header_complete) return size;  // trailers
  if (line.starts_with("HTTP/") && line.find(':') == std::string_view::npos) {
    begin_header(transfer);
  } else if (line.empty()) {
    // A connection that ends inside the header makes libcurl hand over what it has: only a line that was
    // ended counts.
    if (whole.ends_with('\n')) end_header(transfer);
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    transfer.answer.headers.emplace_back(lower(trimmed(line.substr(0, colon))),
                                         std::string(trimmed(line.substr(colon + 1))));
  }
  return size;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (size > transfer.request.answer_bytes_max - transfer.answer.body.size()) {
    transfer.too_large = true;
    return 0;
  }
  transfer.answer.body.append(data, size);
  return size;
}

bool was_sent(const Transfer& transfer) {
  if (transfer.sends == 0) return false;
  long request_bytes = 1;
  curl_easy_getinfo(transfer.easy.get(), CURLINFO_REQUEST_SIZE, &request_bytes);
  return transfer.sends > 1 || request_bytes != 0;
}

/// Sets options and keeps the first failure.
class Options {
 public:
  explicit Options(CURL* easy) : easy_(easy) {}
  template <class T>
  void set(CURLoption option, T value) {
    const CURLcode code = curl_easy_setopt(easy_, option, value);
    if (code_ == CURLE_OK) code_ = code;
  }
  CURLcode code() const { return code_; }

 private:
  CURL* easy_;
  CURLcode code_ = CURLE_OK;
};

/// Appends lines to a list: libcurl's own function walks it each time.
class ListWriter {
 public:
  explicit ListWriter(List& list) : list_(list) {}
  void append(const std::string& line) {
    curl_slist* const from = curl_slist_append(last_, line.c_str());
    TILLSYNC_CHECK(from != nullptr, "out of memory");
    if (last_ == nullptr) list_.reset(from);
    last_ = last_ == nullptr ? from : last_->next;
  }

 private:
  List& list_;
  curl_slist* last_ = nullptr;
};

void set_headers(Options& options, Transfer& transfer) {
  ListWriter list(transfer.headers);
  bool has_content_type = false;
  std::string line;
  for (const auto& [name, value] : transfer.request.headers) {
    has_content_type = has_content_type || same_name(name, "content-type");
    line = name;
    line += value.empty() ? ";" : ": ";
    line += value;
    list.append(line);
  }
  list.append("Expect:");  // no 100-continue: it costs a round trip, or a second at servers that ignore it
  if (!has_content_type) list.append("Content-Type:");
  options.set(CURLOPT_HTTPHEADER, transfer.headers.get());
}

bool has_body(const Request& request) {
  return !request.body.empty() || request.method == "POST" || request.method == "PUT" ||
         request.method == "PATCH";
}

void set_method(Options& options, const Request& request) {
  if (request.method == "HEAD") {
    options.set(CURLOPT_NOBODY, 1L);
    return;
  }
  if (has_body(request)) options.set(CURLOPT_POST, 1L);
  options.set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void set_body(Options& options, const Request& request) {
  if (!has_body(request) || request.method == "HEAD") return;
  options.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  options.set(CURLOPT_POSTFIELDS, request.body.c_str());  // not copied: the transfer owns it
}

bool is_loopback(std::string_view url) {
  const auto host_at = url.find("://");
  if (host_at == std::string_view::npos) return false;
  const auto host = url.substr(host_at + 3);
  return host.starts_with("127.") || host.starts_with("[::1]") || host.starts_with("localhost:") ||
         host.starts_with("localhost/");
}

void set_route(Options& options, Transfer& transfer) {
  const Request& request = transfer.request;
  options.set(CURLOPT_PROTOCOLS_STR, "http,https");
  options.set(CURLOPT_FOLLOWLOCATION, 0L);
  if (!request.unix_socket.empty()) {
    options.set(CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
    options.set(CURLOPT_PROXY, "");
  } else if (!request.connect_to.empty()) {
    transfer.connect_to.reset(curl_slist_append(nullptr, ("::" + request.connect_to).c_str()));
    options.set(CURLOPT_CONNECT_TO, transfer.connect_to.get());
    options.set(CURLOPT_PROXY, "");
  } else if (!request.proxy.empty()) {
    options.set(CURLOPT_PROXY, request.proxy.c_str());
  } else if (is_loopback(request.url)) {
    options.set(CURLOPT_PROXY,
                "");  // whatever the environment says: no proxy reaches this machine's own ports
  }
  options.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  options.set(CURLOPT_TCP_KEEPALIVE, 1L);
  options.set(CURLOPT_TCP_KEEPIDLE, kKeepAliveIdle_s);
  options.set(CURLOPT_TCP_KEEPINTVL, kKeepAliveInterval_s);
  options.set(CURLOPT_MAXAGE_CONN, kIdleConnectionAgeMax_s);
  options.set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  options.set(CURLOPT_HTTP09_ALLOWED, 0L);
}

void set_trust(Options& options, const Request& request) {
  options.set(CURLOPT_SSL_VERIFYPEER, 1L);
  options.set(CURLOPT_SSL_VERIFYHOST, 2L);
  options.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!request.ca_file.empty()) {
    options.set(CURLOPT_CAINFO, request.ca_file.c_str());
    options.set(CURLOPT_CAPATH,
                static_cast<const char*>(nullptr));  // that file alone, not the system's store as well
  } else if (!system_ca_file().empty()) {
    options.set(CURLOPT_CAINFO, system_ca_file().c_str());
  }
  if (!request.user.empty()) {
    options.set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    options.set(CURLOPT_USERNAME, request.user.c_str());
    options.set(CURLOPT_PASSWORD, request.password.c_str());
  }
}

long milliseconds(std::chrono::milliseconds duration) {
  // libcurl takes 0 for "for ever".
  return static_cast<long>(std::clamp<std::int64_t>(duration.count(), 1, 24LL * 3600 * 1000));
}

/// All that lasts from one exchange to the next.
void set_kind(Options& options, Transfer& transfer) {
  options.set(CURLOPT_NOSIGNAL, 1L);
  options.set(CURLOPT_ERRORBUFFER, transfer.error_text);
  options.set(CURLOPT_PRIVATE, static_cast<void*>(&transfer));
  options.set(CURLOPT_TIMEOUT_MS, milliseconds(transfer.request.timeout));
  options.set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(transfer.request.connect_timeout));
  options.set(CURLOPT_ACCEPT_ENCODING, "");
  options.set(CURLOPT_PREREQFUNCTION, &on_before_request);
  options.set(CURLOPT_PREREQDATA, static_cast<void*>(&transfer));
  options.set(CURLOPT_HEADERFUNCTION, &on_header);
  options.set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  options.set(CURLOPT_WRITEFUNCTION, &on_body);
  options.set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set_route(options, transfer);
  set_trust(options, transfer.request);
  set_method(options, transfer.request);
}

/// Whether set_kind() would do the same for both.
bool is_same_kind(const Request& a, const Request& b) {
  return a.method == b.method && has_body(a) == has_body(b) && a.timeout == b.timeout &&
         a.connect_timeout == b.connect_timeout && a.unix_socket == b.unix_socket &&
         a.connect_to == b.connect_to && a.proxy == b.proxy && is_loopback(a.url) == is_loopback(b.url) &&
         a.ca_file == b.ca_file && a.user == b.user && a.password == b.password;
}

}  // namespace

std::optional<Failure> refusal(const Request& request) {
  if (!is_token(request.method)) return Failure{false, "invalid-header", "the method is no HTTP token"};
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) return Failure{false, "invalid-header", "a header's name is no HTTP token"};
    if (!is_field_value(value)) {
      return Failure{false, "invalid-header", "the header " + name + " holds a control character"};
    }
  }
  return std::nullopt;
}

CURLcode prepare(Transfer& transfer, Request request) {
  const bool same_kind = transfer.options_stand && is_same_kind(transfer.request, request);
  const bool same_url = same_kind && transfer.request.url == request.url;
  transfer.request = std::move(request);
  transfer.options_stand = false;
  if (!same_kind) curl_easy_reset(transfer.easy.get());
  Options options(transfer.easy.get());
  if (!same_kind) set_kind(options, transfer);
  if (!same_url) options.set(CURLOPT_URL, transfer.request.url.c_str());
  set_body(options, transfer.request);
  set_headers(options, transfer);
  transfer.options_stand = options.code() == CURLE_OK;
  return options.code();
}

void clear(Transfer& transfer) {
  transfer.done = nullptr;
  transfer.request.headers.clear();
  transfer.request.body = {};
  transfer.headers.reset();
  transfer.answer = {};
  transfer.header_bytes = 0;
  transfer.sends = 0;
  transfer.resend_refused = transfer.header_complete = transfer.too_large = false;
  transfer.error_text[0] = '\0';
}

Exchange conclude(Transfer& transfer, CURLcode code) {
  if (code == CURLE_OK && transfer.header_complete) return std::move(transfer.answer);
  long tunnel_status = 0;
  curl_easy_getinfo(transfer.easy.get(), CURLINFO_HTTP_CONNECTCODE, &tunnel_status);
  return describe_failure({.curl_code = code,
                           .sent = was_sent(transfer),
                           .answer_begun = transfer.header_bytes > 0,
                           .answer_too_large = transfer.too_large,
                           .resend_refused = transfer.resend_refused,
                           .tunnel_status = tunnel_status,
                           .curl_text = transfer.error_text});
}

}  // namespace tillsync::http
