#include <fmt/format.h>

#include "agent/cli/report_commands.h"
#include "agent/cli/report_view.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

constexpr const char* kTrialBalancePath = "/v1/reports/trial-balance";

struct TrialBalanceOptions {
  ReportDays days;
  std::string format = "table";
};

Exit run_trial_balance(const Context& context, const TrialBalanceOptions& options) {
  const auto query = days_query(options.days);
  if (!query) return fail(query.error());
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  const Endpoint ops = ops_endpoint(context, *settings);
  const auto balance = get_json(ops, kTrialBalancePath + *query);
  if (!balance) return fail(balance.error());
  if (context.json || options.format == "json") {
    print(json::dump(*balance) + "\n");
  } else if (options.format == "table") {
    print(trial_balance_text(*balance, is_terminal(Stream::kOutput) ? terminal_width() : 0));
  } else {
    http::Request request = request_to(ops, "GET", kTrialBalancePath + *query + "&refresh=false");
    request.headers.emplace_back("Accept", "text/csv");
    const auto answer = exchange(ops, std::move(request));
    if (!answer) return fail(answer.error());
    if (answer->status != 200) return fail(problem_of(*answer));
    print(answer->body);
  }
  return report_balanced(*balance) ? Exit::kDone : Exit::kNo;
}

}  // namespace

void add_trial_balance(CLI::App& reports, Context& context) {
  CLI::App* command = add_command(
      reports, context,
      {"trial-balance",
       "debits and credits of the days' sales and returns by account and currency, and what central has of "
       "them",
       "  tillsync report trial-balance --day 2026-11-23\n"
       "  tillsync report trial-balance --from 2026-11-01 --to 2026-11-30 --format csv > november.csv\n",
       "0 debits equal credits, and each target has the same money; 1 they do not, or central's list is "
       "old;\n"
       "  2 usage or settings; 3 the daemon cannot be reached"},
      JsonOption::kOffered);
  add_caller_options(*command, context);
  auto options = std::make_shared<TrialBalanceOptions>();
  add_day_options(*command, options->days);
  command->add_option("--format", options->format, "table, json or csv (default table)")
      ->check(CLI::IsMember({"table", "json", "csv"}));
  command->callback([&context, options] { context.exit = run_trial_balance(context, *options); });
}

}  // namespace tillsync::cli
