// jq programs, run in a child process. A program is data that somebody in head office wrote: one that loops,
// eats memory or brings libjq down ends the child, and costs this program an error. The child is this very
// program (`tillsync jq-worker`), so that nothing else has to be installed. DESIGN.md says why and how.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "platform/base/result.h"

namespace tillsync::jq {

struct Limits {
  std::chrono::milliseconds time{1'000};         ///< of one run
  std::size_t memory_bytes = 256 * 1024 * 1024;  ///< address space of the child, over what it starts with
  std::size_t output_bytes = 64 * 1024 * 1024;   ///< of one run
  std::size_t waiting_max = 10'000;  ///< runs that wait for their turn; beyond it they are refused
};

/// Runs programs one after the other, in the order in which they came. The child is started with the first
/// run and anew after it ended. Any thread may call.
class Mapper {
 public:
  /// | error                      | means                                                                  |
  /// |----------------------------|------------------------------------------------------------------------|
  /// | kInvalid `jq-program`      | it does not compile: libjq's own words, with the line in the program   |
  /// | kInvalid `jq-failed`       | its own error(), no output, or more than one                           |
  /// | kInvalid `jq-input`        | the input is no JSON                                                   |
  /// | kInvalid `jq-too-large`    | the output is beyond its limit, or the input beyond the memory         |
  /// | kTimeout `jq-timeout`      | it ran longer than it may                                              |
  /// | kInvalid `jq-ended`        | it ended a child of its own: out of memory, or a defect of libjq       |
  /// | kUnavailable `jq-start`    | the child cannot be started                                            |
  /// | kUnavailable `jq-busy`     | too many wait                                                          |
  /// | kUnavailable `jq-stopped`  | the mapper goes                                                        |
  using Done = std::function<void(Result<std::string>)>;

  /// `worker`: the command that calls run_worker(), e.g. {own_program(), "jq-worker"}. Starts a thread, no
  /// process.
  explicit Mapper(std::vector<std::string> worker, Limits limits = {});
  /// Runs that wait or are under way end with `jq-stopped`; the child is killed.
  ~Mapper();
  Mapper(const Mapper&) = delete;
  Mapper& operator=(const Mapper&) = delete;

  /// Runs `program` on one JSON text; `done` gets its one output as compact JSON text, on the mapper's own
  /// thread, once. Numbers pass through libjq's doubles: what must stay exact is a string.
  void run(std::string program, std::string input, Done done);
  /// The same, waiting for it. Not from within a `done`.
  Result<std::string> run_and_wait(std::string program, std::string input);
  /// Compiles it only. Not from within a `done`.
  Result<void> check(const std::string& program);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The child's side: serves the file descriptors 0 and 1 until the first is closed. Returns the exit status.
int run_worker();

}  // namespace tillsync::jq
