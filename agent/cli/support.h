// What the commands share: exit statuses, error lines, the settings, and calls to the daemon's two APIs. Main
// thread only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/settings.h"
#include "outbox/journal/verify.h"
#include "platform/base/result.h"
#include "platform/base/time.h"
#include "platform/http/client.h"
#include "platform/json/json.h"

namespace tillsync::cli {

/// CONTRACT section 4.
enum class Exit : int {
  kDone = 0,
  kNo = 1,           ///< the answer is no: not balanced, chain broken, not delivered
  kUsage = 2,        ///< usage or settings
  kUnreachable = 3,  ///< the daemon cannot be reached
  kStorage = 4,
};

inline constexpr const char* kSettingsFileDefault = "/etc/tillsync/tillsync.toml";

struct Context {
  explicit Context(const Clock& the_clock) : clock(the_clock) {}
  const Clock& clock;
  std::string settings_file;  ///< --config, else TILLSYNC_CONFIG, else the default
  bool json = false;          ///< --json
  std::string token_file;     ///< --token-file, else the environment's TILLSYNC_TOKEN says the token itself
  std::string ca_file;        ///< --ca-file; "" for the certificate that the settings name
  Exit exit = Exit::kDone;    ///< left by the command
};

/// Prints `tillsync: what; cure` on standard error, made safe for a terminal, and returns the status.
Exit fail(Exit status, std::string_view what_and_cure);
/// The same for an error; its kind gives the status.
Exit fail(const Error& error);
/// Prints `tillsync: warning: what` on standard error.
void warn(std::string_view what);
Exit exit_of(ErrorKind kind);
/// What is wrong with a journal that is not whole, from where on, and the cure.
std::string damage_text(const Verification& verification);
/// An error of reading the journal with its cure, as kStorage.
Error journal_unreadable(const Error& error);

/// The settings of the context's file, with the mistakes that only the parts which use a setting can see: a
/// currency that ISO 4217 does not have, a connector that is not there.
LoadedSettings load_checked(const Context& context);
/// The settings of the context's file. The error tells the first mistake and how many there are.
Result<Settings> read_settings(const Context& context);

/// Where an API listens, and what its listener has to be shown.
struct Endpoint {
  std::string base_url;             ///< "http://127.0.0.1:7412"
  std::string unix_socket;          ///< "" for TCP
  std::string name;                 ///< for messages
  std::string connect_to = {};      ///< of TLS: the address, where base_url names what the certificate does
  std::string ca_file = {};         ///< of TLS: what is trusted
  std::string token = {};           ///< "" for none
  std::optional<Error> fault = {};  ///< why it cannot be used; exchange() returns it
};
/// With --token-file and --ca-file of the context.
Endpoint ops_endpoint(const Context& context, const Settings& settings);
/// The Unix socket, or TCP where there is none.
Endpoint till_endpoint(const Context& context, const Settings& settings);
/// The same for commands that have neither option: the token is the environment's.
Endpoint ops_endpoint(const Settings& settings);
Endpoint till_endpoint(const Settings& settings);

/// A request to one path of the endpoint (`path` with its query).
http::Request request_to(const Endpoint& endpoint, std::string method, const std::string& path);
/// One exchange. kUnavailable where no answer came; any status is an answer.
Result<http::Answer> exchange(const Endpoint& endpoint, http::Request request);
/// An answer that is no success as an error: the problem's own title, detail and faults.
Error problem_of(const http::Answer& answer);
/// GET, 200, and JSON; anything else is an error.
Result<json::Value> get_json(const Endpoint& endpoint, const std::string& path);

/// RFC 3986 section 2.1: everything but unreserved characters as %XX.
std::string percent_encoded(std::string_view text);

/// Text for a person: a string as it is, null as "-", anything else as JSON. Safe for a terminal.
std::string shown(const json::Value* value);
std::string shown(const json::Value& object, std::string_view member);

/// Writes to standard output.
void print(std::string_view text);

}  // namespace tillsync::cli
