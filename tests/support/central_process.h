// The stand-in central as a test's child process. Needs the path of the built program (CENTRAL_PROGRAM in
// CMake).
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "platform/json/json.h"
#include "tests/support/process.h"
#include "tests/support/raw_http.h"

namespace tillsync::testing {

class CentralProcess {
 public:
  /// Keeps its ledger, port and output in `dir`; takes a free port at first and the same one after a restart.
  CentralProcess(std::string program, std::string dir, std::string token = {})
      : program_(std::move(program)), dir_(std::move(dir)), token_(std::move(token)) {
    start();
  }

  void start() {
    const std::string port_file = dir_ + "/central.port";
    std::remove(port_file.c_str());
    ProcessOptions options;
    options.argv = {program_,   "--listen",           "127.0.0.1:" + std::to_string(port_),
                    "--ledger", dir_ + "/central.db", "--port-file",
                    port_file};
    if (!token_.empty()) options.argv.insert(options.argv.end(), {"--token", token_});
    options.output_file = dir_ + "/central.log";
    process_ = ChildProcess(options);
    if (!eventually([&] { return !file_text(port_file).empty() || !process_.running(); }) ||
        !process_.running()) {
      throw std::runtime_error("central does not start: " + file_text(options.output_file));
    }
    port_ = static_cast<std::uint16_t>(std::stoi(file_text(port_file)));
  }
  /// SIGKILL: from here on connections are refused, until start().
  void kill() { process_.kill(); }

  std::uint16_t port() const { return port_; }
  std::string base_url(const std::string& target) const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/" + target;
  }
  ChildProcess& process() { return process_; }

  /// Replaces the faults of a target; "{}" makes it healthy.
  void faults(const std::string& target, const std::string& json) { order("POST", target, "faults", json); }
  void facts(const std::string& target, const std::string& json) { order("POST", target, "facts", json); }
  void reset(const std::string& target) { order("POST", target, "reset", "{}"); }
  /// {"effects","documents","doubles","totals","by_type"}
  json::Value ledger(const std::string& target) { return order("GET", target, "ledger", ""); }
  json::Value counters(const std::string& target) { return order("GET", target, "counters", ""); }
  json::Value effects(const std::string& target, std::int64_t after = 0) {
    return order("GET", target, "effects?after=" + std::to_string(after), "");
  }

 private:
  json::Value order(const std::string& method, const std::string& target, const std::string& what,
                    const std::string& body) {
    const auto response = raw_exchange(port_, method, "/control/" + target + "/" + what, body);
    if (!response || response->status != 200) {
      throw std::runtime_error("central did not follow " + what + ": " +
                               (response ? response->body : "no answer"));
    }
    return json::parse(response->body).value();
  }

  std::string program_, dir_, token_;
  std::uint16_t port_ = 0;
  ChildProcess process_;
};

}  // namespace tillsync::testing
