// What the disk takes: append (or overwrite) a record of some bytes and fdatasync it, again and again, on a
// file of its own. No durable answer can come sooner. --group 64 writes 64 records before each sync, as a
// group commit does.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "tests/bench/programs/support/measure.h"
#include "tests/bench/programs/support/socket.h"

namespace {

using namespace tillsync::bench;

int fail(const char* what) {
  std::perror(what);
  return 1;
}

/// The file written once over and synced, so that an overwrite changes no metadata.
bool fill(int fd, std::size_t bytes) {
  const std::string block(1 << 20, 'x');
  for (std::size_t done = 0; done < bytes; done += block.size()) {
    if (::pwrite(fd, block.data(), block.size(), static_cast<off_t>(done)) < 0) return false;
  }
  return ::fsync(fd) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string path;
  std::size_t bytes = 1024, group = 1;
  double seconds = 2;
  bool overwrite = false;
  CLI::App app{"Appends and syncs; prints one line of JSON"};
  app.add_option("--file", path, "made anew, and removed at the end")->required();
  app.add_option("--bytes", bytes, "of a record")->check(CLI::Range(1, 1 << 20));
  app.add_option("--group", group, "records a sync")->check(CLI::Range(1, 100'000));
  app.add_option("--seconds", seconds, "how long");
  app.add_flag("--overwrite", overwrite, "in a file that has its size, as a log that is used again");
  CLI11_PARSE(app, argc, argv);

  const Descriptor file(::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600));
  if (file.get() < 0) return fail(path.c_str());
  const std::size_t size = 64 << 20;
  if (overwrite && !fill(file.get(), size)) return fail("fill");
  const std::string record(bytes * group, 'r');
  Latencies latencies;
  std::size_t at = 0;
  const Instant begun = now();
  Instant last = begun;
  while (seconds_between(begun, last) < seconds) {
    if (overwrite && at + record.size() > size) at = 0;
    if (::pwrite(file.get(), record.data(), record.size(), static_cast<off_t>(at)) !=
        static_cast<ssize_t>(record.size()))
      return fail("write");
    if (::fdatasync(file.get()) != 0) return fail("fdatasync");
    at += record.size();
    const Instant done = now();
    latencies.add(last, done);
    last = done;
  }
  const double took = seconds_between(begun, last);
  const auto syncs = static_cast<double>(latencies.count());
  std::printf("{\"syncs_per_second\":%.1f,\"per_second\":%.1f,%s}\n", syncs / took,
              syncs * static_cast<double>(group) / took, latencies.members().c_str());
  ::unlink(path.c_str());
  return 0;
}
