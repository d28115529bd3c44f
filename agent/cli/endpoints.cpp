// Where the daemon's two APIs are reached: its own settings say it, TLS and all.
#include <cstdlib>
#include <fstream>

#include "agent/cli/support.h"
#include "config/checks.h"
#include "platform/tls/certificate.h"

namespace tillsync::cli {
namespace {

constexpr std::size_t kTokenFileBytesMax = 4096;
constexpr std::size_t kCertificateBytesMax = 1024 * 1024;

Result<std::string> read_start(const std::string& file, std::size_t bytes_max, const std::string& what) {
  std::ifstream in(file, std::ios::binary);
  std::string text(bytes_max, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) {
    return Error{
        ErrorKind::kInvalid, "usage",
        what + " " + file + " cannot be read; check that it is there and that this user may read it"};
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

Result<std::string> read_token(const Context* context) {
  std::string token;
  if (context != nullptr && !context->token_file.empty()) {
    auto text = read_start(context->token_file, kTokenFileBytesMax, "the token file");
    if (!text) return text;
    token = std::move(*text);
  } else if (const char* given = std::getenv("TILLSYNC_TOKEN"); given != nullptr) {
    token = given;
  }
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' '))
    token.pop_back();
  if (token.find_first_of(" \t\r\n") == std::string::npos) return token;
  return Error{
      ErrorKind::kInvalid, "usage",
      "the token is not one word; give what `tillsync operator add` or `tillsync terminal add` printed"};
}

/// An address that means all of the machine's is reached by its loopback one.
std::string reachable(const std::string& address) {
  const std::string host = config::listen_host(address);
  const std::string port = address.substr(address.rfind(':'));
  if (host == "0.0.0.0") return "127.0.0.1" + port;
  return host == "::" ? "[::1]" + port : address;
}

/// The certificate says by what name its server goes; that it is the very one, or signed by who is trusted,
/// is verified.
Result<void> speak_tls(Endpoint& endpoint, const std::string& address, const TlsSettings& tls,
                       const std::string& ca_file) {
  auto pem = read_start(tls.tls_certificate, kCertificateBytesMax, "the listener's certificate");
  if (!pem) return pem.error();
  const auto facts = tls::certificate_facts(*pem);
  if (!facts)
    return Error{ErrorKind::kInvalid, "certificate", tls.tls_certificate + ": " + facts.error().detail};
  endpoint.connect_to = address;
  endpoint.ca_file = ca_file.empty() ? tls.tls_certificate : ca_file;
  endpoint.base_url =
      "https://" + (facts->host.empty() ? address : facts->host + address.substr(address.rfind(':')));
  return ok();
}

Endpoint tcp_endpoint(const Context* context, const std::string& address, const TlsSettings& tls,
                      const std::string& api) {
  const std::string to = reachable(address);
  Endpoint endpoint{"http://" + to, "", "the daemon's " + api + " API at " + to};
  auto token = read_token(context);
  if (!token) {
    endpoint.fault = token.error();
    return endpoint;
  }
  endpoint.token = std::move(*token);
  if (!tls.tls()) return endpoint;
  if (auto spoken = speak_tls(endpoint, to, tls, context == nullptr ? "" : context->ca_file); !spoken)
    endpoint.fault = spoken.error();
  return endpoint;
}

Endpoint till_endpoint_for(const Context* context, const Settings& settings) {
  if (settings.till.unix_socket.empty())
    return tcp_endpoint(context, settings.till.tcp, settings.till, "till");
  return {"http://localhost", settings.till.unix_socket,
          "the daemon's till API at " + settings.till.unix_socket};
}

}  // namespace

Endpoint ops_endpoint(const Context& context, const Settings& settings) {
  return tcp_endpoint(&context, settings.ops.tcp, settings.ops, "ops");
}

Endpoint ops_endpoint(const Settings& settings) {
  return tcp_endpoint(nullptr, settings.ops.tcp, settings.ops, "ops");
}

Endpoint till_endpoint(const Context& context, const Settings& settings) {
  return till_endpoint_for(&context, settings);
}

Endpoint till_endpoint(const Settings& settings) {
  return till_endpoint_for(nullptr, settings);
}

}  // namespace tillsync::cli
