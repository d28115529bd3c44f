#include "agent/cli/commands.h"
#include "agent/cli/status_view.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

Exit run_status(const Context& context) {
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  const auto status = get_json(ops_endpoint(context, *settings), "/v1/status");
  if (!status) return fail(status.error());
  if (context.json) {
    print(json::dump(*status) + "\n");
  } else {
    print(status_text(read_status(*status), is_terminal(Stream::kOutput) ? terminal_width() : 0));
  }
  return Exit::kDone;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  CLI::App* command = add_command(app, context,
                                  {"status", "shows what is owed to each target, and how each is doing",
                                   "  tillsync status\n  tillsync status --json\n",
                                   "0 shown; 2 usage or settings; 3 the daemon cannot be reached"},
                                  JsonOption::kOffered);
  add_caller_options(*command, context);
  command->callback([&context] { context.exit = run_status(context); });
}

}  // namespace tillsync::cli
