#include "agent/assembly/daemon.h"
#include "agent/cli/commands.h"
#include "platform/log/log.h"
#include "platform/service/memory.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

Exit run(const Context& context) {
  auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  keep_memory_out_of_core_files();
  keep_files_private();
  keep_heap_small();
  if (auto started = log::start(log_options(settings->log)); !started) return fail(started.error());
  auto done = run_daemon(
      *settings, [&context] { return read_settings(context); }, context.clock);
  if (!done) log::error("daemon.failed", {{"code", done.error().code}, {"detail", done.error().detail}});
  log::stop();
  return done ? Exit::kDone : fail(done.error());
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  CLI::App* command = add_command(
      app, context,
      {"run", "runs the daemon in the foreground, until SIGTERM or Ctrl-C",
       "  tillsync run\n  tillsync run --config /etc/tillsync/tillsync.toml\n",
       "0 stopped as asked; 2 usage or settings; 3 an address, or the journal, is in use by another\n"
       "  process; 4 the journal cannot be used"});
  command->callback([&context] {
    context.exit = static_cast<Exit>(run_hosted([&context] { return static_cast<int>(run(context)); }));
  });
}

}  // namespace tillsync::cli
