#include "platform/transfer/server_folder.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>

#include "platform/http/system_trust.h"

namespace tillsync::transfer {
namespace {

constexpr std::size_t kBytesASecondMin = 16 * 1024;
/// A server ends a connection that rests; one that has rested for so long is not used again.
constexpr long kIdleConnectionMax_s = 20;
/// How long a wait for sockets lasts at most. libcurl 7.88 does not name all that an FTPS transfer waits for,
/// and would sleep a second at a time.
constexpr int kPoll_ms = 20;

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListDeleter>;

bool initialized() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  return code == CURLE_OK;
}

void append(List& list, const std::string& text) {
  list.reset(curl_slist_append(list.release(), text.c_str()));
}

struct Source {
  std::string_view bytes;
  std::size_t at = 0;
};
struct Sink {
  std::string bytes;
  std::size_t bytes_max = 0;
  bool too_large = false;
};

std::size_t read_some(char* into, std::size_t size, std::size_t count, void* context) {
  auto& source = *static_cast<Source*>(context);
  const std::size_t bytes = std::min(size * count, source.bytes.size() - source.at);
  std::memcpy(into, source.bytes.data() + source.at, bytes);
  source.at += bytes;
  return bytes;
}

std::size_t write_some(char* from, std::size_t size, std::size_t count, void* context) {
  auto& sink = *static_cast<Sink*>(context);
  if (sink.bytes.size() + size * count > sink.bytes_max) {
    sink.too_large = true;
    return 0;
  }
  sink.bytes.append(from, size * count);
  return size * count;
}

/// A stable code for what libcurl reports.
std::string_view code_of(CURLcode code, bool sftp) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return "resolve";
    case CURLE_COULDNT_CONNECT:
      return "connect";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSH:
      return sftp && code == CURLE_PEER_FAILED_VERIFICATION ? "host-key" : sftp ? "cut" : "tls";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_USE_SSL_FAILED:
      return "tls";
    case CURLE_LOGIN_DENIED:
      return "login";
    case CURLE_REMOTE_ACCESS_DENIED:
    case CURLE_REMOTE_FILE_NOT_FOUND:
    case CURLE_REMOTE_DISK_FULL:
    case CURLE_UPLOAD_FAILED:
      return "refused";
    case CURLE_QUOTE_ERROR:
      return "rename";
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_FTP_ACCEPT_TIMEOUT:
      return "timeout";
    case CURLE_ABORTED_BY_CALLBACK:
      return "stopped";
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_FTP_WEIRD_SERVER_REPLY:
      return "cut";
    default:
      return "failed";
  }
}

}  // namespace

struct ServerFolder::Impl {
  ServerOptions options;
  const std::atomic<bool>& stop;
  std::unique_ptr<CURLM, MultiDeleter> multi;  ///< keeps the connections; goes last
  std::unique_ptr<CURL, EasyDeleter> easy;
  bool sftp = false;
  long timeout_s = 1;  ///< of the options, in whole seconds
  std::string base;    ///< the URL that libcurl gets, with a slash at its end
  std::string folder;  ///< as the server's own commands name it, with a slash at its end
  std::string host;    ///< with its port, for messages
  char error_text[CURL_ERROR_SIZE] = {};

  Impl(ServerOptions wanted, const std::atomic<bool>& stopped) : options(std::move(wanted)), stop(stopped) {
    sftp = options.url.rfind("sftp://", 0) == 0;
    timeout_s =
        std::max(1L, static_cast<long>(std::chrono::ceil<std::chrono::seconds>(options.timeout).count()));
    const std::string rest = options.url.substr(options.url.find("://") + 3);
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    host = rest.substr(0, slash);
    std::string path = rest.substr(slash);
    if (path.empty() || path.back() != '/') path += '/';
    // AUTH TLS is asked for on a connection that begins as FTP.
    base = (sftp ? "sftp://" : options.implicit_tls ? "ftps://" : "ftp://") + host + path;
    folder = sftp ? path : path.substr(1);
  }

  template <class Value>
  void set(CURLoption option, Value value, CURLcode& first_fault) {
    const CURLcode code = curl_easy_setopt(easy.get(), option, value);
    if (first_fault == CURLE_OK) first_fault = code;
  }

  /// What stands for every transfer; connections stay.
  CURLcode begin(const std::string& name, std::size_t bytes) {
    CURL* const curl = easy.get();
    curl_easy_reset(curl);
    error_text[0] = '\0';
    CURLcode fault = CURLE_OK;
    const auto whole =
        options.timeout + std::chrono::milliseconds(1'000 * static_cast<long>(bytes / kBytesASecondMin));
    set(CURLOPT_URL, (base + name).c_str(), fault);
    set(CURLOPT_ERRORBUFFER, error_text, fault);
    set(CURLOPT_NOSIGNAL, 1L, fault);
    set(CURLOPT_PROXY, "", fault);  // a proxy of the environment is for HTTP
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.timeout.count()), fault);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(whole.count()), fault);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L, fault);
    set(CURLOPT_LOW_SPEED_TIME, timeout_s, fault);
    set(CURLOPT_MAXAGE_CONN, kIdleConnectionMax_s, fault);
    set(CURLOPT_USERNAME, options.user.c_str(), fault);
    if (sftp) {
      begin_sftp(fault);
    } else {
      begin_ftps(fault);
    }
    return fault;
  }

  void begin_sftp(CURLcode& fault) {
    set(CURLOPT_PROTOCOLS_STR, "sftp", fault);
    if (!options.known_hosts.empty()) set(CURLOPT_SSH_KNOWNHOSTS, options.known_hosts.c_str(), fault);
    if (!options.host_key_sha256.empty()) {
      const std::size_t prefix = options.host_key_sha256.rfind("SHA256:", 0) == 0 ? 7 : 0;
      set(CURLOPT_SSH_HOST_PUBLIC_KEY_SHA256, options.host_key_sha256.c_str() + prefix, fault);
    }
    if (options.key_file.empty()) {
      set(CURLOPT_SSH_AUTH_TYPES, static_cast<long>(CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD), fault);
      set(CURLOPT_PASSWORD, options.secret.c_str(), fault);
    } else {
      set(CURLOPT_SSH_AUTH_TYPES, static_cast<long>(CURLSSH_AUTH_PUBLICKEY), fault);
      set(CURLOPT_SSH_PRIVATE_KEYFILE, options.key_file.c_str(), fault);
      set(CURLOPT_KEYPASSWD, options.secret.c_str(), fault);
    }
  }

  void begin_ftps(CURLcode& fault) {
    set(CURLOPT_PROTOCOLS_STR, options.implicit_tls ? "ftps" : "ftp", fault);
    set(CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL), fault);  // data as well, or nothing
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2), fault);
    const std::string& trusted = options.ca_file.empty() ? http::system_ca_file() : options.ca_file;
    if (!trusted.empty()) set(CURLOPT_CAINFO, trusted.c_str(), fault);
    set(CURLOPT_PASSWORD, options.secret.c_str(), fault);
    set(CURLOPT_FTP_FILEMETHOD, static_cast<long>(CURLFTPMETHOD_NOCWD), fault);
    set(CURLOPT_SERVER_RESPONSE_TIMEOUT, timeout_s, fault);
  }

  /// The transfer that begin() has made ready, to its end; CURLE_ABORTED_BY_CALLBACK where it is to stop.
  /// Not curl_easy_perform(): see kPoll_ms, and one that its progress callback stops may spin for ever.
  CURLcode perform() {
    if (curl_multi_add_handle(multi.get(), easy.get()) != CURLM_OK) return CURLE_FAILED_INIT;
    CURLcode code = CURLE_ABORTED_BY_CALLBACK;
    while (!stop) {
      int running = 0, left = 0;
      if (curl_multi_perform(multi.get(), &running) != CURLM_OK) {
        code = CURLE_FAILED_INIT;
        break;
      }
      const CURLMsg* message = curl_multi_info_read(multi.get(), &left);
      if (message != nullptr && message->msg == CURLMSG_DONE) {
        code = message->data.result;
        break;
      }
      curl_multi_poll(multi.get(), nullptr, 0, kPoll_ms, nullptr);
    }
    curl_multi_remove_handle(multi.get(), easy.get());
    return code;
  }

  Error error_of(CURLcode code, const std::string& doing) const {
    const std::string_view stable = code_of(code, sftp);
    std::string detail = doing + ": " + (*error_text ? error_text : curl_easy_strerror(code));
    // What to do comes first: libcurl's words are long, and who shows them may cut the end.
    if (stable == "host-key")
      detail = "the server is not the one that the settings name: compare its key before you change them (" +
               detail + ")";
    detail = host + ": " + detail;
    return {ErrorKind::kUnavailable, std::string(stable), std::move(detail)};
  }
};

ServerFolder::ServerFolder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ServerFolder::~ServerFolder() = default;

Result<std::unique_ptr<ServerFolder>> ServerFolder::open(ServerOptions options,
                                                         const std::atomic<bool>& stop) {
  auto impl = std::make_unique<Impl>(std::move(options), stop);
  if (initialized()) {
    impl->multi.reset(curl_multi_init());
    impl->easy.reset(curl_easy_init());
  }
  if (!impl->multi || !impl->easy) return Error{ErrorKind::kInternal, "curl", "libcurl cannot be started"};
  const char* const wanted = impl->sftp ? "sftp" : "ftps";
  const char* const* known = curl_version_info(CURLVERSION_NOW)->protocols;
  while (*known != nullptr && std::strcmp(*known, wanted) != 0) ++known;
  if (*known == nullptr)
    return Error{ErrorKind::kInternal, "curl", std::string("this libcurl does not speak ") + wanted};
  return std::unique_ptr<ServerFolder>(new ServerFolder(std::move(impl)));
}

Result<void> ServerFolder::put(const std::string& name, std::string_view bytes) {
  const std::string temporary = temporary_name(name);
  CURLcode fault = impl_->begin(temporary, bytes.size());
  Source source{bytes};
  // Some servers do not rename over a file: what stands under the name goes first, if it is there (the *).
  const std::string from = impl_->folder + temporary, to = impl_->folder + name;
  List commands;
  if (impl_->sftp) {
    append(commands, "*rm " + to);
    append(commands, "rename " + from + " " + to);
  } else {
    append(commands, "*DELE " + to);
    append(commands, "RNFR " + from);
    append(commands, "RNTO " + to);
  }
  impl_->set(CURLOPT_UPLOAD, 1L, fault);
  impl_->set(CURLOPT_READFUNCTION, read_some, fault);
  impl_->set(CURLOPT_READDATA, &source, fault);
  impl_->set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(bytes.size()), fault);
  impl_->set(CURLOPT_POSTQUOTE, commands.get(), fault);
  if (fault == CURLE_OK) fault = impl_->perform();
  if (fault == CURLE_OK) return ok();
  return impl_->error_of(fault, "cannot put " + name);
}

Result<std::optional<std::string>> ServerFolder::get(const std::string& name, std::size_t bytes_max) {
  CURLcode fault = impl_->begin(name, bytes_max);
  Sink sink{{}, bytes_max};
  impl_->set(CURLOPT_WRITEFUNCTION, write_some, fault);
  impl_->set(CURLOPT_WRITEDATA, &sink, fault);
  if (fault == CURLE_OK) fault = impl_->perform();
  if (fault == CURLE_OK) return std::optional<std::string>(std::move(sink.bytes));
  if (fault == CURLE_REMOTE_FILE_NOT_FOUND) return std::optional<std::string>();
  if (sink.too_large)
    return Error{ErrorKind::kInvalid, "too-large", impl_->host + ": " + name + " is larger than it can be"};
  return impl_->error_of(fault, "cannot look for " + name);
}

Result<void> ServerFolder::reach() {
  // Asked for a file that nobody has: a sign-in alone would prove no data connection.
  auto asked = get(".tillsync", 0);
  return asked || asked.error().code == "too-large" ? ok() : Result<void>(asked.error());
}

std::string ServerFolder::place() const {
  return impl_->options.url;
}

void ServerFolder::set_secret(std::string secret) {
  impl_->options.secret = std::move(secret);
}

}  // namespace tillsync::transfer
