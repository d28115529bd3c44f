#include "tests/simulation/isolated.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace tillsync::sim {
namespace {

// Parent and child speak in lines: "B seed" before a run, "R seed numbers... violation" after it, "T text" of
// a trace.

struct Child {
  pid_t pid = -1;
  int fd = -1;
  std::string buffer;
  std::uint64_t running = 0;
  bool in_run = false;
};

/// What the product logs is not what is looked for here.
void be_quiet() {
  const int null = open("/dev/null", O_WRONLY);
  if (null >= 0) dup2(null, STDERR_FILENO);
}

void write_line(int fd, std::string line) {
  line += '\n';
  for (std::size_t at = 0; at < line.size();) {
    const auto written = write(fd, line.data() + at, line.size() - at);
    if (written <= 0) _exit(3);
    at += static_cast<std::size_t>(written);
  }
}

std::string result_line(std::uint64_t seed, const Verdict& verdict) {
  const auto& s = verdict.statistics;
  std::string violation = verdict.violation.value_or("");
  std::replace(violation.begin(), violation.end(), '\n', ' ');
  return fmt::format("R {} {} {} {} {} {} {} {} {} {}", seed, s.documents, s.effects, s.starts, s.crashes,
                     s.failed_starts, s.refused_posts, s.disk_changes, s.settled_after.count(), violation);
}

Verdict parse_result(const std::string& line) {
  Verdict verdict;
  auto& s = verdict.statistics;
  unsigned long long seed = 0;
  long long n[7] = {};
  long long settled = 0;
  int used = 0;
  std::sscanf(line.c_str(), "R %llu %lld %lld %lld %lld %lld %lld %lld %lld %n", &seed, &n[0], &n[1], &n[2],
              &n[3], &n[4], &n[5], &n[6], &settled, &used);
  s.documents = n[0];
  s.effects = n[1];
  s.starts = n[2];
  s.crashes = n[3];
  s.failed_starts = n[4];
  s.refused_posts = n[5];
  s.disk_changes = n[6];
  s.settled_after = Moment(settled);
  if (static_cast<std::size_t>(used) < line.size())
    verdict.violation = line.substr(static_cast<std::size_t>(used));
  return verdict;
}

template <class Body>
Child start_child(Body body) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  Child child;
  child.pid = fork();
  if (child.pid < 0) std::abort();
  if (child.pid == 0) {
    close(ends[0]);
    be_quiet();
    body(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  child.fd = ends[0];
  return child;
}

/// Reads what has come; false at the end.
template <class Line>
bool read_lines(Child& child, Line line) {
  char bytes[65536];
  const auto got = read(child.fd, bytes, sizeof bytes);
  if (got <= 0) return false;
  child.buffer.append(bytes, static_cast<std::size_t>(got));
  std::size_t from = 0;
  for (auto end = child.buffer.find('\n'); end != std::string::npos; end = child.buffer.find('\n', from)) {
    line(child.buffer.substr(from, end - from));
    from = end + 1;
  }
  child.buffer.erase(0, from);
  return true;
}

std::string how_it_died(Child& child) {
  int status = 0;
  waitpid(child.pid, &status, 0);
  close(child.fd);
  if (WIFSIGNALED(status)) return fmt::format("crash: the process died of {}", strsignal(WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0) return fmt::format("crash: the process ended with {}", WEXITSTATUS(status));
  return "";
}

std::string sort_of(const std::string& violation) {
  return violation.substr(0, violation.find_first_of(": "));
}

}  // namespace

Verdict run_isolated(const Plan& plan, const RunOptions& options) {
  auto child = start_child([&](int fd) {
    const auto verdict = run_plan(plan, options);
    for (const auto& line : verdict.trace) write_line(fd, "T " + line);
    write_line(fd, result_line(plan.seed, verdict));
  });
  Verdict verdict;
  std::vector<std::string> trace;
  while (read_lines(child, [&](const std::string& line) {
    if (line[0] == 'T') trace.push_back(line.substr(2));
    if (line[0] == 'R') verdict = parse_result(line);
  })) {
  }
  if (const auto died = how_it_died(child); !died.empty()) verdict.violation = died;
  verdict.trace = std::move(trace);
  return verdict;
}

// Leaves out ever smaller runs of items (delta debugging, Zeller 1999), as long as the same sort of violation
// stays.
Shrunk shrink(const Plan& plan, const std::string& violation, int runs_max) {
  Shrunk best{plan, {}, 0};
  best.verdict.violation = violation;
  for (std::size_t chunk = std::max<std::size_t>(1, plan.items.size() / 2); best.runs < runs_max;) {
    bool smaller = false;
    for (std::size_t from = 0; from < best.plan.items.size() && best.runs < runs_max;) {
      Plan candidate = best.plan;
      const auto end = std::min(candidate.items.size(), from + chunk);
      candidate.items.erase(candidate.items.begin() + static_cast<std::ptrdiff_t>(from),
                            candidate.items.begin() + static_cast<std::ptrdiff_t>(end));
      ++best.runs;
      auto verdict = run_isolated(candidate);
      if (verdict.violation && sort_of(*verdict.violation) == sort_of(violation)) {
        best.plan = std::move(candidate);
        best.verdict = std::move(verdict);
        smaller = true;
      } else {
        from = end;
      }
    }
    if (chunk == 1 && !smaller) break;
    chunk = std::max<std::size_t>(1, chunk / 2);
  }
  return best;
}

Campaign run_seeds(std::uint64_t from, std::uint64_t to, int days, int jobs, std::size_t failures_max,
                   const std::function<void(std::uint64_t)>& progress) {
  Campaign campaign;
  std::vector<Child> children;
  const auto start = [&](std::uint64_t first) {
    return start_child([=](int fd) {
      for (auto seed = first; seed <= to; seed += static_cast<std::uint64_t>(jobs)) {
        write_line(fd, fmt::format("B {}", seed));
        write_line(fd, result_line(seed, run_plan(make_plan(seed, days))));
      }
    });
  };
  for (int job = 0; job < jobs && from + static_cast<std::uint64_t>(job) <= to; ++job)
    children.push_back(start(from + static_cast<std::uint64_t>(job)));
  while (!children.empty()) {
    std::vector<pollfd> waits;
    for (const auto& child : children) waits.push_back({child.fd, POLLIN, 0});
    poll(waits.data(), waits.size(), -1);
    for (std::size_t i = children.size(); i-- > 0;) {
      if (waits[i].revents == 0) continue;
      auto& child = children[i];
      const bool more = read_lines(child, [&](const std::string& line) {
        child.in_run = line[0] == 'B';
        if (child.in_run) {
          child.running = std::stoull(line.substr(2));
          return;
        }
        const auto verdict = parse_result(line);
        campaign.statistics += verdict.statistics;
        if (verdict.violation) campaign.failures.push_back({child.running, *verdict.violation});
        if (++campaign.runs % 256 == 0 && progress) progress(campaign.runs);
      });
      const bool enough = campaign.failures.size() >= failures_max;
      if (more && !enough) continue;
      if (enough) kill(child.pid, SIGKILL);
      const auto died = how_it_died(child);
      const auto seed = child.running;
      const bool in_run = child.in_run;
      children.erase(children.begin() + static_cast<std::ptrdiff_t>(i));
      if (enough || died.empty() || !in_run) continue;
      ++campaign.runs;
      campaign.failures.push_back({seed, died});
      const auto next = seed + static_cast<std::uint64_t>(jobs);
      if (next <= to) children.push_back(start(next));
    }
  }
  std::sort(campaign.failures.begin(), campaign.failures.end(),
            [](const Failure& x, const Failure& y) { return x.seed < y.seed; });
  return campaign;
}

}  // namespace tillsync::sim
