#include "agent/http_server/listener.h"

#include <charconv>
#include <filesystem>

#include "platform/service/file_stamp.h"

namespace tillsync {
namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using Unix = asio::local::stream_protocol;

namespace {

// Where there is the second (Windows), the first would let any other program listen on the same address.
#ifdef SO_EXCLUSIVEADDRUSE
using OwnAddress = asio::detail::socket_option::boolean<SOL_SOCKET, SO_EXCLUSIVEADDRUSE>;
#else
using OwnAddress = asio::socket_base::reuse_address;
#endif

/// Connections that the kernel completes while the loop is busy.
constexpr int kBacklog = 1024;
/// sockaddr_un::sun_path holds 108 bytes with its final zero.
constexpr std::size_t kUnixPathBytesMax = 107;

/// What the system says, and what to do about it.
std::string with_cure(const error_code& error) {
  if (error == asio::error::address_in_use) {
    return error.message() +
           "; another program has it: stop that one, or give this one another address in the settings";
  }
  if (error == asio::error::access_denied)
    return error.message() + "; this user may not: choose another path or port";
  if (error == std::errc::no_such_file_or_directory) return error.message() + "; make its folder first";
  return error.message();
}

Error cannot_listen(const std::string& address, const std::string& why) {
  return Error{ErrorKind::kUnavailable, "cannot-listen", "cannot listen on " + address + ": " + why};
}

Result<Tcp::endpoint> endpoint_of(const std::string& address) {
  const auto malformed = [&] {
    return Error{ErrorKind::kInvalid, "bad-address",
                 "\"" + address +
                     "\" is no listen address; write HOST:PORT with a numeric host, e.g. 127.0.0.1:7411 or "
                     "[::1]:7411"};
  };
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return malformed();
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  std::uint16_t port = 0;
  const char* const end = address.data() + address.size();
  const auto parsed = std::from_chars(address.data() + colon + 1, end, port);
  error_code error;
  const auto ip = asio::ip::make_address(host, error);
  if (error || parsed.ec != std::errc() || parsed.ptr != end) return malformed();
  return Tcp::endpoint(ip, port);
}

template <class Protocol>
error_code open_and_bind(Acceptor<Protocol>& acceptor, const typename Protocol::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(OwnAddress(true), error);
  if (!error) acceptor.bind(endpoint, error);
  return error;
}

/// A file that a killed process left stands in the way of bind; one that a living process answers on does
/// rightly.
Result<void> clear_stale_socket(asio::io_context& context, const std::string& path) {
  std::error_code file_error;
  const auto type = std::filesystem::symlink_status(path, file_error).type();
  if (type == std::filesystem::file_type::not_found) return ok();
  if (!is_socket_file(path)) {
    return cannot_listen(path, "there is a file that is no socket; remove it or name another path");
  }
  Unix::socket probe(context);
  error_code error;
  probe.connect(Unix::endpoint(path), error);
  if (!error) return cannot_listen(path, "another process answers on it; stop that one first");
  if (error != asio::error::connection_refused) return cannot_listen(path, with_cure(error));
  if (!std::filesystem::remove(path, file_error) && file_error)
    return cannot_listen(path, file_error.message());
  return ok();
}

}  // namespace

Result<Acceptor<Tcp>> open_tcp(asio::io_context& context, const std::string& address) {
  const auto endpoint = endpoint_of(address);
  if (!endpoint) return endpoint.error();
  Acceptor<Tcp> acceptor(context.get_executor());
  error_code error = open_and_bind(acceptor, *endpoint);
  if (!error) acceptor.listen(kBacklog, error);
  if (error) return cannot_listen(address, with_cure(error));
  return acceptor;
}

Result<Acceptor<Unix>> open_unix(asio::io_context& context, const std::string& path) {
  if (path.empty() || path.size() > kUnixPathBytesMax) {
    return cannot_listen(path, "a socket's path has 1 to 107 bytes; name a shorter one");
  }
  if (const auto cleared = clear_stale_socket(context, path); !cleared) return cleared.error();
  Acceptor<Unix> acceptor(context.get_executor());
  error_code error = open_and_bind(acceptor, Unix::endpoint(path));
  if (error) return cannot_listen(path, with_cure(error));
  // Between bind and listen nobody can connect: the mode is right before the first client.
  using std::filesystem::perms;
  std::error_code file_error;
  std::filesystem::permissions(
      path, perms::owner_read | perms::owner_write | perms::group_read | perms::group_write, file_error);
  if (file_error) return cannot_listen(path, file_error.message());
  acceptor.listen(kBacklog, error);
  if (error) return cannot_listen(path, with_cure(error));
  return acceptor;
}

}  // namespace tillsync
