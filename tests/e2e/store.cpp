#include "tests/e2e/store.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

namespace tillsync::testing {
namespace {

constexpr std::chrono::seconds kStartPatience{20};
constexpr std::chrono::seconds kStopPatience{20};
constexpr std::chrono::seconds kAwayPatience{60};
constexpr std::chrono::minutes kCommandPatience{4};

/// A port that is free now. Held by nobody until the daemon takes it: the kernel gives other sockets of these
/// tests other ports meanwhile, as it walks through its range.
std::uint16_t free_port() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(descriptor);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

}  // namespace

Store::Store(StoreOptions options)
    : options_(std::move(options)),
      settings_file_(dir_.file("tillsync.toml")),
      till_port_(free_port()),
      ops_port_(free_port()) {
  write_settings();
}

void Store::write_settings() const {
  std::ofstream out(settings_file_);
  out << "[store]\nid = \"0417\"\ntime_zone = \"Europe/London\"\ncurrency = \"GBP\"\nday_starts_at = "
         "\"04:00\"\n"
      << "[journal]\npath = \"journal\"\n"
      << options_.journal_lines << "[till]\nunix_socket = \"till.sock\"\ntcp = \"" << options_.listen << ":"
      << till_port_ << "\"\n"
      << options_.till_lines << "[ops]\ntcp = \"" << options_.listen << ":" << ops_port_ << "\"\n"
      << options_.ops_lines;
  if (!options_.central.empty()) {
    for (const auto& target : options_.targets) {
      out << "[targets." << target << "]\nconnector = \"" << options_.connector << "\"\nbase_url = \""
          << options_.central << "/" << (options_.connector == "rest" ? target : "")
          << "\"\ntimeout_s = " << options_.timeout_s << "\nbackoff_min_s = 0.05\nbackoff_max_s = 0.5\n"
          << options_.target_lines;
    }
  }
  if (!options_.routes.empty()) out << "[routes]\n" << options_.routes;
  out << "[central_view]\n" << options_.central_view << options_.more_settings;
  if (!out.flush()) throw std::runtime_error("cannot write " + settings_file_);
}

void Store::set_routes(const std::string& lines) {
  options_.routes = lines;
  write_settings();
}

void Store::launch() {
  ProcessOptions process;
  process.argv = options_.launcher;
  process.argv.insert(process.argv.end(), {TILLSYNC_PROGRAM, "run", "--config", settings_file_});
  process.output_file = dir_.file("daemon.log");
  process.env = options_.env;
  daemon_ = ChildProcess(process);
}

void Store::start() {
  launch();
  const auto ready = [this] {
    try {
      const auto answer = raw_exchange(ops_port_, "GET", "/readyz");
      return answer && answer->status == 200;
    } catch (const std::runtime_error&) {
      return false;  // nobody listens yet
    }
  };
  if (!eventually([&] { return ready() || !daemon_.running(); }, kStartPatience) || !daemon_.running())
    throw std::runtime_error("the daemon does not start: " + log());
}

std::optional<int> Store::stop() {
  daemon_.terminate();
  return daemon_.wait(kStopPatience);
}

std::optional<RawResponse> Store::post(std::string_view body, std::string_view headers) const {
  RawConnection connection = RawConnection::unix_socket(socket());
  if (!connection.send(raw_request("POST", "/v1/documents", body, headers))) return std::nullopt;
  return connection.response();
}

std::optional<RawResponse> Store::get(std::string_view path) const {
  RawConnection connection = RawConnection::unix_socket(socket());
  if (!connection.send(raw_request("GET", path))) return std::nullopt;
  return connection.response();
}

json::Value Store::document(const std::string& id) const {
  const auto answer = get("/v1/documents/" + id);
  if (!answer || answer->status != 200) {
    throw std::runtime_error("no document " + id + ": " + (answer ? answer->body : "no answer"));
  }
  return parsed(answer->body);
}

std::optional<RawResponse> Store::ops(std::string_view method, std::string_view path, std::string_view body,
                                      std::string_view headers) const {
  return raw_exchange(ops_port_, method, path, body, headers);
}

json::Value Store::status() const {
  const auto answer = ops("GET", "/v1/status");
  if (!answer || answer->status != 200) throw std::runtime_error("no status");
  return parsed(answer->body);
}

std::int64_t Store::head() const {
  constexpr std::string_view kMetric = "\ntillsync_journal_head_sequence ";
  const auto answer = ops("GET", "/metrics");
  const auto at = answer ? answer->body.find(kMetric) : std::string::npos;
  if (at == std::string::npos) throw std::runtime_error("no head in the metrics");
  return std::stoll(answer->body.substr(at + kMetric.size()));
}

RunResult Store::command(std::vector<std::string> arguments, const std::string& input_file) const {
  ProcessOptions process;
  process.argv = {TILLSYNC_PROGRAM};
  process.argv.insert(process.argv.end(), arguments.begin(), arguments.end());
  process.argv.insert(process.argv.end(), {"--config", settings_file_});
  process.input_file = input_file;
  return run_program(process, kCommandPatience);
}

int Store::drain(int timeout_s) const {
  return command({"drain", "--timeout", std::to_string(timeout_s)}).status;
}

Store::Balance Store::report(const std::string& from, const std::string& to) const {
  const auto run = command({"report", "reconciliation", "--from", from, "--to", to, "--format", "json"});
  if (run.status != 0 && run.status != 1) throw std::runtime_error("no report: " + run.errors);
  return {run.status, parsed(run.output)};
}

Store::Balance Store::settled_report(const std::string& from, const std::string& to,
                                     std::chrono::seconds patience) const {
  Balance balance{1, {}};
  eventually(
      [&] {
        balance = report(from, to);
        return balance.exit_status == 0;
      },
      patience);
  return balance;
}

bool Till::post_all() {
  std::optional<RawConnection> connection;
  auto away_since = std::chrono::steady_clock::now();
  while (answers_.size() < bodies_.size()) {
    if (gate_) gate_(answers_.size());
    if (post_chunk(connection)) {
      away_since = std::chrono::steady_clock::now();
      continue;
    }
    ++retries_;
    connection.reset();
    if (std::chrono::steady_clock::now() - away_since > kAwayPatience) return false;
    sleep_briefly();
  }
  return true;
}

bool Till::post_chunk(std::optional<RawConnection>& connection) {
  const std::size_t begin = answers_.size();
  const std::size_t end = std::min(begin + chunk_, bodies_.size());
  std::string body;
  for (std::size_t i = begin; i < end; ++i) body.append(bodies_[i]).append("\n");
  try {
    if (!connection) connection.emplace(RawConnection::unix_socket(store_.socket()));
  } catch (const std::runtime_error&) {
    return false;
  }
  if (!connection->send(raw_request("POST", "/v1/documents", body, kNdjson))) return false;
  const auto answer = connection->response();
  if (!answer || answer->status != 200) return false;
  const auto lines = ndjson(answer->body);
  if (lines.size() != end - begin) return false;
  for (const auto& line : lines) {
    const int status = static_cast<int>(line.integer_of("status"));
    if (status == 503 || status == 507) return false;
    answers_.push_back({status, std::string(line.text_of("id")), line.integer_of("sequence")});
  }
  return true;
}

std::vector<json::Value> ndjson(std::string_view text) {
  std::vector<json::Value> values;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    values.push_back(parsed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return values;
}

std::string problem_of(const json::Value& problem) {
  constexpr std::string_view kPrefix = "urn:tillsync:problem:";
  const auto type = problem.text_of("type");
  return type.starts_with(kPrefix) ? std::string(type.substr(kPrefix.size())) : std::string();
}

json::Value parsed(std::string_view text) {
  const auto value = json::parse(text, {.depth_max = 64});
  if (!value) throw std::runtime_error("no JSON: " + value.error().detail + ": " + std::string(text));
  return *value;
}

std::string simple_sale(const std::string& id, const std::string& sku, const std::string& more) {
  return fmt::format(
      R"({{"id":"{}","type":"sale","terminal":"T1","occurred_at":"2026-11-20T10:00:00Z","lines":[)"
      R"({{"sku":"{}","quantity":"1","unit_price":"2.50"}}]{}}})",
      id, sku, more);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace tillsync::testing
