#include <fmt/format.h>

#include "agent/cli/commands.h"
#include "agent/cli/status_view.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

constexpr std::chrono::milliseconds kPoll{250};
constexpr std::chrono::milliseconds kLineEvery{2'000};
constexpr double kTimeoutDefaultS = 3600;
constexpr double kTimeoutMaxS = 1e6;

Exit run_drain(const Context& context, std::chrono::milliseconds timeout) {
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  const Endpoint ops = ops_endpoint(context, *settings);
  const SteadyTime until = context.clock.steady_now() + timeout;
  catch_interrupts();
  ProgressLine line(kLineEvery);
  BacklogProgress progress;
  bool reached = false;
  for (;;) {
    const auto status = fetch_status(ops);
    const SteadyTime now = context.clock.steady_now();
    const bool over = now >= until || interrupted();
    if (!status) {
      line.clear();
      // A daemon that restarts under way is waited for; one that was never there is not.
      if (!reached || over) return fail(status.error());
      line.say("the daemon cannot be reached; trying again", now);
    } else {
      reached = true;
      if (status->drained()) return Exit::kDone;
      if (status->only_quarantine_left()) {
        line.clear();
        return fail(Exit::kNo, quarantine_hint(*status));
      }
      if (over) {
        line.clear();
        return fail(
            Exit::kNo,
            fmt::format("{} documents are still owed after {}; see `tillsync status` for the targets' state",
                        status->backlog,
                        duration_text(std::chrono::duration_cast<std::chrono::seconds>(timeout))));
      }
      line.show(progress.next(*status, now), now);
    }
    wait_for(std::min(kPoll, std::chrono::ceil<std::chrono::milliseconds>(until - now)));
  }
}

}  // namespace

void add_drain(CLI::App& app, Context& context) {
  CLI::App* command = add_command(
      app, context,
      {"drain", "waits until nothing is owed to any target", "  tillsync drain --timeout 600\n",
       "0 nothing is owed and nothing is quarantined; 1 the time is up, or only quarantined documents\n"
       "  and what waits for them are left; 2 usage or settings; 3 the daemon cannot be reached"});
  auto seconds = std::make_shared<double>(kTimeoutDefaultS);
  command->add_option("--timeout", *seconds, "seconds to wait at most (default 3600)")
      ->check(CLI::Range(0.0, kTimeoutMaxS));
  add_caller_options(*command, context);
  command->callback([&context, seconds] {
    context.exit = run_drain(context, std::chrono::milliseconds(static_cast<std::int64_t>(*seconds * 1000)));
  });
}

}  // namespace tillsync::cli
