// A child process of a test: started from a path, killed at the latest when the test ends. POSIX.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tillsync::testing {

struct ProcessOptions {
  std::vector<std::string> argv;           ///< argv[0] is the program's path
  std::map<std::string, std::string> env;  ///< added to the test's own environment
  std::string output_file;                 ///< standard output and error are appended to it; "": thrown away
  std::string input_file;                  ///< standard input; "": empty
  std::string working_dir;                 ///< "": the test's own
};

class ChildProcess {
 public:
  ChildProcess() = default;
  /// Starts the program; throws std::runtime_error where it cannot be started (no such file, ...). The child
  /// also dies when the thread that started it does, so that a crashed test leaves nothing behind.
  explicit ChildProcess(const ProcessOptions& options);
  /// SIGKILL, and waits for the end.
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;

  pid_t pid() const { return pid_; }
  bool running();
  void terminate();  ///< SIGTERM; does not wait
  void kill();       ///< SIGKILL, and waits for the end
  void signal(int number);
  /// The exit status, 128 + N for a death by signal N; nothing where it still runs after `patience`.
  std::optional<int> wait(std::chrono::milliseconds patience);

 private:
  void reap(int status);

  pid_t pid_ = -1;
  std::optional<int> status_;
};

struct RunResult {
  int status = -1;     ///< -1: killed, because `patience` was up
  std::string output;  ///< standard output
  std::string errors;  ///< standard error
};

/// Runs a program to its end; `output_file` is ignored.
RunResult run_program(ProcessOptions options, std::chrono::milliseconds patience);

/// Waits until `condition()` holds, looking every few milliseconds; false where it does not within
/// `patience`.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds patience = std::chrono::milliseconds(10'000));

/// The whole of a file, "" where there is none.
std::string file_text(const std::string& path);

void sleep_briefly();

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    sleep_briefly();
  }
  return true;
}

}  // namespace tillsync::testing
