#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>

#include "agent/cli/commands.h"
#include "agent/cli/post_input.h"
#include "agent/cli/post_results.h"
#include "agent/cli/progress.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

constexpr std::chrono::milliseconds kLineEvery{2'000};
constexpr std::chrono::milliseconds kFirstPause{200};
constexpr std::chrono::milliseconds kLongestPause{5'000};
constexpr double kTimeoutDefaultS = 60;
constexpr double kTimeoutMaxS = 1e6;

/// Why a chunk could not be settled yet.
struct Setback {
  Exit exit = Exit::kUnreachable;
  std::string what;
  std::chrono::milliseconds pause{0};  ///< what the daemon asked for; 0: nothing said
  bool hopeless = false;               ///< trying again would give the same
};

class PostJob {
 public:
  PostJob(const Context& context, Endpoint till, std::chrono::milliseconds timeout)
      : context_(context), till_(std::move(till)), timeout_(timeout), line_(kLineEvery) {}

  Exit run(std::istream& in) {
    ChunkReader chunks(in);
    for (Chunk chunk = chunks.next(); !chunk.empty(); chunk = chunks.next()) {
      if (chunk.front().too_long) {
        refuse_locally(chunk.front());
      } else {
        const Exit settled = settle(std::move(chunk));
        if (settled != Exit::kDone) return settled;
      }
      show_progress();
    }
    if (in.bad())
      return stop(Exit::kUsage,
                  "the input cannot be read to its end; check it and post it again, which is safe");
    summarize();
    return tally_.refused > 0 ? Exit::kNo : Exit::kDone;
  }

 private:
  // Sends until each document of the chunk has its answer. The same documents may be sent again and again:
  // the daemon knows what it has (the time allowed begins anew with every answer that settles something).
  Exit settle(Chunk chunk) {
    SteadyTime give_up = context_.clock.steady_now() + timeout_;
    std::chrono::milliseconds pause = kFirstPause;
    while (!chunk.empty()) {
      const std::size_t before = chunk.size();
      const auto setback = send(chunk);
      if (chunk.size() < before) {
        give_up = context_.clock.steady_now() + timeout_;
        pause = kFirstPause;
      }
      if (!setback) continue;
      const SteadyTime now = context_.clock.steady_now();
      if (setback->hopeless || now >= give_up) return stop(setback->exit, setback->what);
      line_.say("waiting: " + setback->what, now);
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up - now);
      wait_for(std::min(left, std::max(setback->pause, pause)));
      pause = std::min(pause * 2, kLongestPause);
    }
    return Exit::kDone;
  }

  // One request. Takes the documents that were settled out of `chunk`.
  std::optional<Setback> send(Chunk& chunk) {
    http::Request request = request_to(till_, "POST", "/v1/documents");
    request.headers.emplace_back("Content-Type", "application/x-ndjson");
    if (till_.fault) return Setback{exit_of(till_.fault->kind), till_.fault->detail, {}, true};
    for (const PostLine& line : chunk) request.body.append(line.text).append("\n");
    http::Exchange result = http::perform(std::move(request));
    if (const auto* failure = std::get_if<http::Failure>(&result)) {
      // A daemon that was never there is told at once; one that was, may be restarting.
      return Setback{
          Exit::kUnreachable,
          till_.name + " cannot be reached (" + failure->detail + "); start it with `tillsync run`",
          {},
          !failure->sent && !answered_};
    }
    const auto& answer = std::get<http::Answer>(result);
    answered_ = true;
    if (answer.status != 200) return refused_request(answer);
    auto outcome = read_results(chunk, answer.body, tally_);
    if (!outcome) return Setback{Exit::kUnreachable, outcome.error().detail};
    if (context_.json) print(outcome->json_lines);
    chunk = std::move(outcome->again);
    if (chunk.empty()) return std::nullopt;
    return later(outcome->again_status, http::retry_after(answer, std::chrono::seconds(1)));
  }

  static Setback later(int status, std::chrono::milliseconds pause) {
    if (status == 507) {
      return {Exit::kStorage,
              "the daemon's disk is at its reserve (507); free space on it, then post again, which is safe",
              pause};
    }
    return {Exit::kUnreachable,
            fmt::format("the daemon takes no documents now ({}); post again later, which is safe", status),
            pause};
  }

  static Setback refused_request(const http::Answer& answer) {
    if (answer.status == 429 || answer.status == 503 || answer.status == 507) {
      return later(answer.status, http::retry_after(answer, std::chrono::seconds(1)));
    }
    const Error problem = problem_of(answer);
    const bool hopeless = answer.status < 500 && answer.status != 408;
    return {hopeless ? Exit::kNo : Exit::kUnreachable, problem.detail, {}, hopeless};
  }

  void refuse_locally(const PostLine& line) {
    constexpr const char* kWhy = "longer than 1 MiB, the most a document may have; it was not sent";
    tally_.refuse(line, "", kWhy);
    if (!context_.json) return;
    print(json::dump(json::Object{{"line", line.number},
                                  {"status", 413},
                                  {"problem", json::Object{{"type", "urn:tillsync:problem:too-large"},
                                                           {"title", "document too large"},
                                                           {"status", 413},
                                                           {"detail", kWhy}}}}) +
          "\n");
  }

  void show_progress() {
    const SteadyTime now = context_.clock.steady_now();
    pace_.sample(now, tally_.documents());
    Progress progress;
    progress.done = tally_.documents();
    progress.per_second = pace_.per_second();
    if (tally_.refused > 0) progress.note = fmt::format("{} refused", tally_.refused);
    line_.show(progress, now);
  }

  // With --json standard output holds results alone.
  void summarize() {
    line_.clear();
    std::FILE* out = context_.json ? stderr : stdout;
    if (!context_.json) {
      for (const std::string& refusal : tally_.refusals)
        std::fputs(("refused: " + refusal + "\n").c_str(), out);
      const std::int64_t more = tally_.refused - static_cast<std::int64_t>(tally_.refusals.size());
      if (more > 0) std::fputs(fmt::format("refused: {} more; --json lists them all\n", more).c_str(), out);
    }
    std::fputs((tally_.text() + "\n").c_str(), out);
    std::fflush(out);
  }

  Exit stop(Exit exit, const std::string& what) {
    if (tally_.documents() > 0) summarize();
    line_.clear();
    return fail(exit, what);
  }

  const Context& context_;
  const Endpoint till_;
  const std::chrono::milliseconds timeout_;
  ProgressLine line_;
  Pace pace_;
  PostTally tally_;
  bool answered_ = false;
};

Exit run_post(const Context& context, const std::string& file, std::chrono::milliseconds timeout) {
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  PostJob job(context, till_endpoint(context, *settings), timeout);
  if (file == "-") {
    std::ios::sync_with_stdio(false);  // else every byte is a call of its own
    return job.run(std::cin);
  }
  std::ifstream in(file, std::ios::binary);
  if (!in || in.peek() == std::ifstream::traits_type::eof()) {
    if (in.is_open() && in.eof()) return job.run(in);  // an empty file is no mistake
    return fail(Exit::kUsage,
                "the file " + file + " cannot be read; check the path, or write - for standard input");
  }
  return job.run(in);
}

}  // namespace

void add_post(CLI::App& app, Context& context) {
  CLI::App* command = add_command(
      app, context,
      {"post", "hands documents to the daemon, one JSON document a line; safe to repeat",
       "  tillsync post sales.ndjson\n  till-export | tillsync post - --json > results.ndjson\n",
       "0 every document is journaled or was already there; 1 some were refused; 2 usage or settings;\n"
       "  3 the daemon cannot be reached or takes nothing; 4 its disk is at the reserve"},
      JsonOption::kOffered);
  auto file = std::make_shared<std::string>();
  auto seconds = std::make_shared<double>(kTimeoutDefaultS);
  command->add_option("FILE", *file, "NDJSON; - for standard input")->required();
  command->add_option("--timeout", *seconds, "seconds without progress after which it gives up (default 60)")
      ->check(CLI::Range(0.0, kTimeoutMaxS));
  add_caller_options(*command, context);
  command->callback([&context, file, seconds] {
    context.exit =
        run_post(context, *file, std::chrono::milliseconds(static_cast<std::int64_t>(*seconds * 1000)));
  });
}

}  // namespace tillsync::cli
