// A whole store for a test: settings, a journal and sockets in a folder of its own, the daemon's program as a
// child process, and the command line beside it. Not thread-safe, but for what says so.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/time.h"
#include "platform/json/json.h"
#include "tests/support/process.h"
#include "tests/support/raw_http.h"
#include "tests/support/temp_dir.h"

namespace tillsync::testing {

inline constexpr const char* kNdjson = "Content-Type: application/x-ndjson\r\n";
inline constexpr const char* kJson = "Content-Type: application/json\r\n";

struct StoreOptions {
  std::string central;                             ///< "http://127.0.0.1:PORT"; "": no targets
  std::vector<std::string> targets{"erp", "crm"};  ///< central's names
  std::string connector = "rest";                  ///< of every target
  std::string routes;  ///< the [routes] section's lines; "": every type everywhere
  std::string target_lines = "concurrency = 16\n";  ///< added to every target
  std::string timeout_s = "10";                     ///< of every target
  std::string journal_lines = "disk_reserve_mib = 1\n";
  /// Of [central_view]; nobody is asked what it knows unless a test is about that.
  std::string central_view = "fetch_every_s = 0\n";
  std::string listen = "127.0.0.1";   ///< the host of both TCP listeners
  std::string till_lines, ops_lines;  ///< added to [till] and [ops]
  std::string more_settings;          ///< whole sections, behind all others
  std::vector<std::string> launcher;  ///< in front of the daemon's command, e.g. {"/usr/bin/prlimit", ...}
  std::map<std::string, std::string> env;  ///< of the daemon
};

class Store {
 public:
  /// Writes the settings; nothing runs until start().
  explicit Store(StoreOptions options);

  /// Starts the daemon and waits until it accepts; throws with its log where it does not.
  void start();
  /// SIGTERM, and the exit status; nothing where it does not end within 20 s.
  std::optional<int> stop();
  /// SIGKILL.
  void kill() { daemon_.kill(); }
  bool running() { return daemon_.running(); }
  ChildProcess& daemon() { return daemon_; }

  /// Starts the daemon and leaves it to itself: to be killed while it starts.
  void launch();

  /// New routes, from the next start on.
  void set_routes(const std::string& lines);
  /// For the daemon, from the next start on.
  void set_env(std::map<std::string, std::string> env) { options_.env = std::move(env); }

  const std::string& settings_file() const { return settings_file_; }
  std::string journal_folder() const { return dir_.file("journal"); }
  std::string socket() const { return dir_.file("till.sock"); }
  std::string file(const std::string& name) const { return dir_.file(name); }
  std::uint16_t till_port() const { return till_port_; }
  std::uint16_t ops_port() const { return ops_port_; }
  std::string log() const { return file_text(dir_.file("daemon.log")); }

  /// One post on a connection of its own over the Unix socket. Any thread.
  std::optional<RawResponse> post(std::string_view body, std::string_view headers = kJson) const;
  /// A till API's GET. Any thread.
  std::optional<RawResponse> get(std::string_view path) const;
  /// GET of a document's view, which must be there.
  json::Value document(const std::string& id) const;
  std::string status_of(const std::string& id) const { return std::string(document(id).text_of("status")); }

  std::optional<RawResponse> ops(std::string_view method, std::string_view path, std::string_view body = {},
                                 std::string_view headers = {}) const;
  /// /v1/status.
  json::Value status() const;
  /// The journal's last sequence.
  std::int64_t head() const;

  /// `tillsync ARGUMENTS --config FILE`, standard input from `input`.
  RunResult command(std::vector<std::string> arguments, const std::string& input_file = {}) const;
  /// `tillsync drain`; its exit status.
  int drain(int timeout_s) const;
  /// `tillsync report reconciliation`; the report where its exit status is 0 or 1.
  struct Balance {
    int exit_status;
    json::Value report;
  };
  Balance report(const std::string& from, const std::string& to) const;
  /// The same, asked until it is balanced or `patience` is up: a report waits at most 10 s for central's
  /// list, and a long period's takes longer.
  Balance settled_report(const std::string& from, const std::string& to,
                         std::chrono::seconds patience = std::chrono::seconds(60)) const;

 private:
  void write_settings() const;

  TempDir dir_;
  StoreOptions options_;
  std::string settings_file_;
  std::uint16_t till_port_, ops_port_;
  ChildProcess daemon_;
};

/// One line of the answer to an NDJSON post.
struct LineAnswer {
  int status = 0;
  std::string id;
  std::int64_t sequence = 0;
};

/// A till: posts its documents as NDJSON in order, a chunk at a time, over one connection, until every one is
/// acknowledged; what is not is posted again, whatever happens to the daemon in between.
class Till {
 public:
  Till(const Store& store, std::vector<std::string> bodies, std::size_t chunk)
      : store_(store), bodies_(std::move(bodies)), chunk_(chunk) {}

  /// Blocks until all is answered (any status but 503 and 507 counts as an answer). False where the daemon
  /// stays away for a minute.
  bool post_all();
  /// Called before a chunk with the index of its first document; may hold the till up.
  void set_gate(std::function<void(std::size_t)> gate) { gate_ = std::move(gate); }
  /// In the order of the bodies; one a document, the first answer to it.
  const std::vector<LineAnswer>& answers() const { return answers_; }
  /// Posts that came to nothing and were made again.
  int retries() const { return retries_; }

 private:
  bool post_chunk(std::optional<RawConnection>& connection);

  const Store& store_;
  const std::vector<std::string> bodies_;
  const std::size_t chunk_;
  std::function<void(std::size_t)> gate_;
  std::vector<LineAnswer> answers_;
  int retries_ = 0;
};

/// The lines of an NDJSON answer. Throws std::runtime_error where one is no JSON object.
std::vector<json::Value> ndjson(std::string_view text);

/// "urn:tillsync:problem:NAME" of a problem answer, without the prefix; "" where it is none.
std::string problem_of(const json::Value& problem);
json::Value parsed(std::string_view text);

/// A sale of one line, valid: `sku` at 2.50. `more` is put in front of the closing brace, e.g. R"(,"x":1)".
std::string simple_sale(const std::string& id, const std::string& sku = "A1", const std::string& more = {});

/// Seconds since `start`, for messages.
double seconds_since(std::chrono::steady_clock::time_point start);

}  // namespace tillsync::testing
