#include "platform/service/memory.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temp_dir.h"

using namespace tillsync;

namespace {

constexpr std::int64_t kMiB = 1024 * 1024;

/// Touched, so that it is resident.
std::vector<std::unique_ptr<char[]>> blocks(std::size_t count, std::size_t bytes) {
  std::vector<std::unique_ptr<char[]>> made;
  for (std::size_t i = 0; i < count; ++i) {
    made.push_back(std::make_unique<char[]>(bytes));
    std::memset(made.back().get(), 1, bytes);
  }
  return made;
}

}  // namespace

TEST_CASE("memory: freed heap goes back to the system when it is asked to, though blocks above it stay") {
  auto many = blocks(4'000, 16 * 1024);
  const auto pin = std::make_unique<char[]>(64);
  const auto before = resident_bytes();
  REQUIRE(before.has_value());
  many.clear();
  give_back_heap();
  const auto after = resident_bytes();
  REQUIRE(after.has_value());
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they have a heap of their own
  CHECK(*before - *after > 40 * kMiB);
#endif
}

TEST_CASE("memory: code that was let go of runs on, and constants are what they were") {
  static constexpr char kText[] = "a constant of the program";
  const auto before = resident_bytes();
  give_back_code();
  const auto after = resident_bytes();
  REQUIRE(before.has_value());
  REQUIRE(after.has_value());
  CHECK(*after < *before);
  CHECK(std::string_view(kText) == "a constant of the program");
  CHECK_THROWS(throw std::runtime_error("unwinding reads tables that were let go of"));
}

namespace {

/// The core file of a process that keeps a secret in its heap and on its stack and is ended by SIGABRT,
/// though its limit was raised again; "" where there was none.
std::string core_of(bool kept_out, const std::string& secret_reversed) {
  const tillsync::testing::TempDir folder;
  const pid_t process = ::fork();
  if (process == 0) {
    if (::chdir(folder.path().c_str()) != 0) ::_exit(1);
    if (kept_out) {
      keep_memory_out_of_core_files();
      rlimit soft{};
      if (::getrlimit(RLIMIT_CORE, &soft) != 0 || soft.rlim_cur != 0) ::_exit(2);
    }
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_CORE, &limit);
    // Only this process has it the right way round.
    static std::string secret(secret_reversed.rbegin(), secret_reversed.rend());
    volatile char on_stack[64] = {};
    std::copy(secret.begin(), secret.end(), on_stack);
    ::signal(SIGABRT, SIG_DFL);
    ::raise(SIGABRT);
    ::_exit(3);
  }
  int status = 0;
  REQUIRE(::waitpid(process, &status, 0) == process);
  REQUIRE(WIFSIGNALED(status));
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    std::ifstream in(entry.path(), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  return {};
}

}  // namespace

TEST_CASE("memory: no secret stands in a core file, though somebody raises the limit (I9)") {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // terabytes of shadow memory in a core
  const std::string reversed = "7-terces-rekram-yrev-a";
  const std::string secret(reversed.rbegin(), reversed.rend());
  CHECK(core_of(true, reversed).find(secret) == std::string::npos);
  // What it would be without: where this machine writes cores to files at all.
  std::ifstream pattern("/proc/sys/kernel/core_pattern");
  std::string where;
  std::getline(pattern, where);
  rlimit allowed{};
  REQUIRE(::getrlimit(RLIMIT_CORE, &allowed) == 0);
  if (where == "core" && allowed.rlim_max == RLIM_INFINITY) {
    CHECK(core_of(false, reversed).find(secret) != std::string::npos);
    CHECK(core_of(true, reversed)
              .starts_with("\x7f"
                           "ELF"));
  }
#endif
}
