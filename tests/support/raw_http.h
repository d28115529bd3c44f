// A blocking HTTP client for tests that shows the bare wire: what came, when the other side closed or reset.
// POSIX sockets.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace tillsync::testing {

struct RawResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

class RawConnection {
 public:
  /// To 127.0.0.1; every wait ends after 10 s. Throws std::runtime_error where nobody listens.
  static RawConnection tcp(std::uint16_t port);
  static RawConnection unix_socket(const std::string& path);
  ~RawConnection();
  RawConnection(RawConnection&& other) noexcept;
  RawConnection(const RawConnection&) = delete;

  /// How long every wait may take from here on.
  void set_patience(std::chrono::milliseconds patience);
  /// False where the other side is gone.
  bool send(std::string_view bytes);
  void finish_sending();
  /// Goes without a word: a TCP connection with a reset, a Unix socket with its unread bytes.
  void vanish();
  /// The next answer, framed by Content-Length; `head_only` for an answer to HEAD. Nothing where the stream
  /// ends, is reset or stays silent before the answer is whole.
  std::optional<RawResponse> response(bool head_only = false);
  /// As response(); throws std::runtime_error where there is nothing.
  RawResponse answer(bool head_only = false);
  /// True where the other side closes (rather than stays open or resets) without another byte.
  bool closed();

 private:
  explicit RawConnection(int descriptor) : descriptor_(descriptor) {}
  bool fill();

  int descriptor_;
  std::string buffer_;
};

/// "METHOD target HTTP/1.1" with Host, `headers` ("Name: value\r\n"...) and, where there is a body,
/// Content-Length.
std::string raw_request(std::string_view method, std::string_view target, std::string_view body = {},
                        std::string_view headers = {});
/// One request on a connection of its own; nothing where no whole answer came.
std::optional<RawResponse> raw_exchange(std::uint16_t port, std::string_view method, std::string_view target,
                                        std::string_view body = {}, std::string_view headers = {});

}  // namespace tillsync::testing
