// A child process that is spoken to over its standard input and output. No operating-system header comes with
// it; one .cpp per system implements it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"

namespace tillsync {

/// The path that starts this very program again, even where its file has been replaced since (an upgrade).
std::string own_program();
/// Where this program's file lies, links followed; "" where the system does not tell.
std::string program_file();

/// The child has three descriptors: its standard input and output, which lead here, and its standard error,
/// which leads nowhere, since what it writes there may be a payload. Interrupts of a terminal and the service
/// manager's SIGTERM do not reach it: whoever started it ends it. One thread at a time, but for interrupt().
class ChildProcess {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// `argv[0]` is the program's path, `environment` all that it has ("NAME=value"). kUnavailable `process`
  /// where it cannot be started.
  static Result<ChildProcess> start(const std::vector<std::string>& argv,
                                    const std::vector<std::string>& environment);
  /// end().
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// All bytes, as fast as the child reads them. kTimeout `process-timeout`; kUnavailable `process-ended`
  /// where it has closed its input or ended.
  Result<void> send(std::string_view bytes, Deadline deadline);
  /// Exactly `bytes`, to `into`. Errors as send()'s.
  Result<void> receive(char* into, std::size_t bytes, Deadline deadline);
  /// Whether it is there and has written nothing that is not received yet.
  bool is_quiet() const;
  /// From now on send() and receive() fail with `process-ended`; one that waits returns at once. From any
  /// thread.
  void interrupt();
  /// Kills it where it still runs, and waits for its end. Returns how it ended: "signal 6", "exit status 1";
  /// "" the second time.
  std::string end();

 private:
  struct Impl;
  explicit ChildProcess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;  ///< none once it has been moved from
};

}  // namespace tillsync
