#include "tests/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/support/temp_dir.h"

extern char** environ;

namespace tillsync::testing {
namespace {

struct Streams {
  std::string input, output, errors;
};

void redirect(const std::string& path, int flags, int descriptor) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (file < 0 || ::dup2(file, descriptor) < 0) ::_exit(127);
}

[[noreturn]] void become(char* const* argv, char* const* env, const Streams& streams,
                         const std::string& working_dir, pid_t parent, int failure_pipe) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  redirect(streams.input, O_RDONLY, STDIN_FILENO);
  redirect(streams.output, O_WRONLY | O_CREAT | O_APPEND, STDOUT_FILENO);
  redirect(streams.errors, O_WRONLY | O_CREAT | O_APPEND, STDERR_FILENO);
  if (!working_dir.empty() && ::chdir(working_dir.c_str()) != 0) ::_exit(127);
  ::execve(argv[0], argv, env);
  const int reason = errno;
  [[maybe_unused]] const auto told = ::write(failure_pipe, &reason, sizeof reason);
  ::_exit(127);
}

pid_t start(const ProcessOptions& options, const Streams& streams) {
  if (options.argv.empty()) throw std::runtime_error("a process needs a program");
  std::vector<std::string> env_text;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!options.env.contains(text.substr(0, text.find('=')))) env_text.push_back(text);
  }
  for (const auto& [name, value] : options.env) env_text.push_back(name + "=" + value);
  std::vector<char*> argv, env;
  for (const auto& arg : options.argv) argv.push_back(const_cast<char*>(arg.c_str()));
  for (auto& entry : env_text) env.push_back(entry.data());
  argv.push_back(nullptr);
  env.push_back(nullptr);

  int failure[2];
  if (::pipe2(failure, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(argv.data(), env.data(), streams, options.working_dir, parent, failure[1]);
  ::close(failure[1]);
  int reason = 0;
  const bool failed = pid < 0 || ::read(failure[0], &reason, sizeof reason) == sizeof reason;
  ::close(failure[0]);
  if (!failed) return pid;
  if (pid > 0) ::waitpid(pid, nullptr, 0);
  throw std::runtime_error("cannot start " + options.argv[0] + ": " + std::strerror(reason));
}

std::string or_null_device(const std::string& path) {
  return path.empty() ? "/dev/null" : path;
}

}  // namespace

ChildProcess::ChildProcess(const ProcessOptions& options)
    : pid_(start(options, {or_null_device(options.input_file), or_null_device(options.output_file),
                           or_null_device(options.output_file)})) {}

ChildProcess::~ChildProcess() {
  kill();
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(std::exchange(other.status_, std::nullopt)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    kill();
    pid_ = std::exchange(other.pid_, -1);
    status_ = std::exchange(other.status_, std::nullopt);
  }
  return *this;
}

bool ChildProcess::running() {
  if (pid_ <= 0 || status_) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  reap(status);
  return false;
}

void ChildProcess::signal(int number) {
  if (running()) ::kill(pid_, number);
}

void ChildProcess::terminate() {
  signal(SIGTERM);
}

void ChildProcess::kill() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  reap(status);
}

std::optional<int> ChildProcess::wait(std::chrono::milliseconds patience) {
  eventually([this] { return !running(); }, patience);
  return status_;
}

void ChildProcess::reap(int status) {
  status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

RunResult run_program(ProcessOptions options, std::chrono::milliseconds patience) {
  const TempDir dir;
  options.output_file = dir.file("output");
  // Standard error apart: what a program says to people must not mix with what it says to machines.
  const std::string errors = dir.file("errors");
  RunResult result;
  const pid_t pid = start(options, {or_null_device(options.input_file), options.output_file, errors});
  const auto end = std::chrono::steady_clock::now() + patience;
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(pid, &status, WNOHANG)) == 0 && std::chrono::steady_clock::now() < end)
    sleep_briefly();
  if (ended == pid) {
    result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  } else {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
  }
  result.output = file_text(options.output_file);
  result.errors = file_text(errors);
  return result;
}

std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void sleep_briefly() {
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

}  // namespace tillsync::testing
