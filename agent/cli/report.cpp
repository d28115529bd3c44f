#include <optional>

#include "agent/cli/commands.h"
#include "agent/cli/report_commands.h"
#include "agent/cli/report_view.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

struct ReportOptions {
  ReportDays days;
  std::string format = "table";
  bool no_refresh = false;
};

constexpr const char* kReportPath = "/v1/reports/reconciliation";

// The server's own rendering. `refresh` was had by the JSON that told the balance: the same facts are wanted
// here.
Exit print_as(const Endpoint& ops, const std::string& query, const char* media_type) {
  http::Request request = request_to(ops, "GET", kReportPath + query + "&refresh=false");
  request.headers.emplace_back("Accept", media_type);
  const auto answer = exchange(ops, std::move(request));
  if (!answer) return fail(answer.error());
  if (answer->status != 200) return fail(problem_of(*answer));
  print(answer->body);
  return Exit::kDone;
}

Exit run_report(const Context& context, const ReportOptions& options) {
  const auto query = days_query(options.days);
  if (!query) return fail(query.error());
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  const Endpoint ops = ops_endpoint(context, *settings);
  const auto report = get_json(ops, kReportPath + *query + (options.no_refresh ? "&refresh=false" : ""));
  if (!report) return fail(report.error());

  if (context.json || options.format == "json") {
    print(json::dump(*report) + "\n");
  } else if (options.format == "table") {
    print(report_text(*report, is_terminal(Stream::kOutput) ? terminal_width() : 0));
  } else {
    const Exit printed = print_as(ops, *query, options.format == "csv" ? "text/csv" : "text/html");
    if (printed != Exit::kDone) return printed;
  }
  return report_balanced(*report) ? Exit::kDone : Exit::kNo;
}

}  // namespace

// The query for the chosen days, or what is wrong with them.
Result<std::string> days_query(const ReportDays& options) {
  const auto wrong = [](std::string detail) {
    return Error{ErrorKind::kInvalid, "usage", std::move(detail)};
  };
  if (options.day.empty() && options.from.empty() && options.to.empty()) {
    return wrong("no business day is named; give one, e.g. --day 2026-11-23, or --from and --to");
  }
  if (!options.day.empty() && (!options.from.empty() || !options.to.empty())) {
    return wrong("--day cannot stand beside --from and --to; give one or the other");
  }
  if (options.day.empty() && (options.from.empty() || options.to.empty())) {
    return wrong("--from and --to belong together; give both, or --day");
  }
  for (const std::string* day : {&options.day, &options.from, &options.to}) {
    if (day->empty()) continue;
    if (!BusinessDay::parse(*day))
      return wrong("\"" + *day + "\" is no day; write it as YYYY-MM-DD, e.g. 2026-11-23");
  }
  if (options.from > options.to) return wrong("--from is after --to; swap them");
  if (!options.day.empty()) return "?business_day=" + options.day;
  return "?from=" + options.from + "&to=" + options.to;
}

void add_day_options(CLI::App& command, ReportDays& days) {
  command.add_option("--day", days.day, "business day, YYYY-MM-DD");
  command.add_option("--from", days.from, "first business day");
  command.add_option("--to", days.to, "last business day, counted in");
}

void add_report(CLI::App& app, Context& context) {
  CLI::App* reports = app.add_subcommand("report", "proves what central has against what the store did");
  reports->require_subcommand(1);
  CLI::App* command = add_command(
      *reports, context,
      {"reconciliation", "document by document and penny by penny, for one business day or several",
       "  tillsync report reconciliation --day 2026-11-23\n"
       "  tillsync report reconciliation --from 2026-11-01 --to 2026-11-30 --format csv > november.csv\n",
       "0 balanced; 1 not balanced; 2 usage or settings; 3 the daemon cannot be reached"},
      JsonOption::kOffered);
  auto options = std::make_shared<ReportOptions>();
  add_day_options(*command, options->days);
  command->add_option("--format", options->format, "table, json, csv or html (default table)")
      ->check(CLI::IsMember({"table", "json", "csv", "html"}));
  command->add_flag("--no-refresh", options->no_refresh,
                    "do not read central back first, however old its list is");
  add_caller_options(*command, context);
  command->callback([&context, options] { context.exit = run_report(context, *options); });
  add_trial_balance(*reports, context);
  add_report_key(*reports, context);
  add_report_verify(*reports, context);
}

}  // namespace tillsync::cli
