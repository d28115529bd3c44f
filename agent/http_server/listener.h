// Opening the sockets that a server listens on. Only for this folder.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <string>

#include "platform/base/result.h"

namespace tillsync {

template <class Protocol>
using Acceptor = boost::asio::basic_socket_acceptor<Protocol, boost::asio::io_context::executor_type>;

Result<Acceptor<boost::asio::ip::tcp>> open_tcp(boost::asio::io_context& context, const std::string& address);
Result<Acceptor<boost::asio::local::stream_protocol>> open_unix(boost::asio::io_context& context,
                                                                const std::string& path);

}  // namespace tillsync
