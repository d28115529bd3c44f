#include "agent/cli/commands.h"
#include "platform/jq/mapper.h"

namespace tillsync::cli {

// No command for people: the daemon starts it (platform/jq). So it is in no list, has no options, and reads
// no settings.
void add_jq_worker(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("jq-worker", "runs jq programs for the daemon that started it");
  command->group("");
  command->callback([&context] { context.exit = jq::run_worker() == 0 ? Exit::kDone : Exit::kNo; });
}

}  // namespace tillsync::cli
