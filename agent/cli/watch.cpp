#include "agent/cli/commands.h"
#include "agent/cli/status_view.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

constexpr std::chrono::milliseconds kRepaint{500};
constexpr std::chrono::milliseconds kLineEvery{2'000};

Exit run_watch(const Context& context, bool until_drained) {
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  const Endpoint ops = ops_endpoint(context, *settings);
  catch_interrupts();
  ProgressLine line(kLineEvery);
  BacklogProgress progress;
  bool reached = false;
  while (!interrupted()) {
    const auto status = fetch_status(ops);
    const SteadyTime now = context.clock.steady_now();
    if (!status) {
      if (!reached) return fail(status.error());
      line.say("the daemon cannot be reached; trying again", now);
    } else if (status->drained()) {
      if (until_drained) return Exit::kDone;
      line.say("nothing is owed  " + states_text(*status), now);
      progress = BacklogProgress();  // the next backlog is counted from its own start
    } else if (status->only_quarantine_left()) {
      if (until_drained) {
        line.clear();
        return fail(Exit::kNo, quarantine_hint(*status));
      }
      line.say(quarantine_hint(*status), now);
    } else {
      line.show(progress.next(*status, now), now);
    }
    reached = reached || status.has_value();
    wait_for(kRepaint);
  }
  return until_drained ? Exit::kNo : Exit::kDone;
}

}  // namespace

void add_watch(CLI::App& app, Context& context) {
  CLI::App* command =
      add_command(app, context,
                  {"watch", "stays, and shows a progress bar while a backlog drains",
                   "  tillsync watch                    until Ctrl-C\n  tillsync watch --until-drained\n",
                   "0 stopped by Ctrl-C, or drained; 1 with --until-drained: only quarantined documents are "
                   "left, or stopped\n"
                   "  before; 2 usage or settings; 3 the daemon cannot be reached"});
  auto until_drained = std::make_shared<bool>(false);
  command->add_flag("--until-drained", *until_drained, "end once nothing is owed");
  add_caller_options(*command, context);
  command->callback([&context, until_drained] { context.exit = run_watch(context, *until_drained); });
}

}  // namespace tillsync::cli
