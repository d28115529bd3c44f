#include <fmt/format.h>

#include <algorithm>

#include "agent/cli/fleet_pull.h"
#include "agent/cli/report_commands.h"
#include "agent/cli/table.h"
#include "platform/log/printable.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

struct FleetOptions {
  std::string stores, day;
  std::string format = "table";
  double timeout_s = 30;
  std::size_t at_once_max = 64;
};

std::string money(const Totals& totals) {
  std::string out;
  for (const auto& [currency, amount] : totals)
    out += (out.empty() ? "" : ", ") + amount.text(2) + " " + printable(currency);
  return out.empty() ? "-" : out;
}

std::string fleet_text(const FleetReport& report, std::size_t width) {
  std::string out = fmt::format("Stores on {}  {}\n", report.day.text(),
                                report.balanced() ? "ALL BALANCED" : "NOT ALL BALANCED");
  for (const StoreVerdict verdict : {StoreVerdict::kBalanced, StoreVerdict::kNotBalanced, StoreVerdict::kLate,
                                     StoreVerdict::kUnreachable, StoreVerdict::kNotTrusted}) {
    if (report.count(verdict) > 0)
      out += fmt::format("  {} {}\n", report.count(verdict), verdict_name(verdict));
  }
  Table totals{{"DOCUMENTS", "COUNT", "TOTAL"}, {1, 2}, {}};
  for (const auto& [type, sum] : report.totals().documents)
    totals.rows.push_back({printable(type), std::to_string(sum.count), money(sum.total)});
  if (!totals.rows.empty()) out += "\n" + totals.text(width);
  Table wrong{{"STORE", "VERDICT", "WHY"}, {}, {}};
  for (const FleetEntry& entry : report.stores) {
    if (entry.verdict != StoreVerdict::kBalanced)
      wrong.rows.push_back({entry.store, std::string(verdict_name(entry.verdict)), printable(entry.reason)});
  }
  return wrong.rows.empty() ? out : out + "\n" + wrong.text(width);
}

Result<std::map<std::string, std::string>> keys_of(const std::string& file,
                                                   const std::map<std::string, FleetStore>& stores) {
  std::map<std::string, std::string> keys;
  for (const auto& [id, store] : stores) {
    auto key = public_key_from(store.key);
    if (!key) {
      return Error{ErrorKind::kInvalid, "key",
                   fmt::format("{}:{}: [stores.{}] key: {}", file, store.line, id, key.error().detail)};
    }
    keys[id] = *std::move(key);
  }
  return keys;
}

Exit run_fleet(const Context& context, const FleetOptions& options) {
  const auto day = BusinessDay::parse(options.day);
  if (!day) return fail(Exit::kUsage, "--day: " + day.error().detail);
  const LoadedFleet loaded = load_fleet(options.stores);
  if (!loaded.mistakes.empty()) {
    const std::size_t more = loaded.mistakes.size() - 1;
    return fail(Exit::kUsage, loaded.mistakes.front().text() +
                                  (more > 0 ? fmt::format("; and {} more", more) : std::string()));
  }
  const auto keys = keys_of(options.stores, loaded.stores);
  if (!keys) return fail(keys.error());
  PullOptions pull{*day, options.at_once_max,
                   std::chrono::milliseconds(static_cast<std::int64_t>(options.timeout_s * 1000))};
  raise_open_files_max(pull.at_once_max + 64);
  auto entries = pull_reports(loaded.stores, *keys, pull);
  if (!entries) return fail(entries.error());
  const FleetReport report{*day, context.clock.utc_now(), *std::move(entries)};
  if (context.json || options.format == "json") {
    print(json::dump(fleet_json(report)) + "\n");
  } else if (options.format == "csv") {
    print(fleet_csv(report));
  } else if (options.format == "html") {
    print(fleet_html(report));
  } else {
    print(fleet_text(report, is_terminal(Stream::kOutput) ? terminal_width() : 0));
  }
  return report.balanced() ? Exit::kDone : Exit::kNo;
}

}  // namespace

void add_fleet(CLI::App& app, Context& context) {
  CLI::App* fleet = app.add_subcommand("fleet", "many stores at once, for head office");
  fleet->require_subcommand(1);
  CLI::App* command = add_command(
      *fleet, context,
      {"report",
       "pulls the stores' signed reports of a day, checks each by the store's key, and sums them up",
       "  tillsync fleet report --stores stores.toml --day 2026-11-23\n"
       "\n"
       "stores.toml has a table for each store:\n"
       "  [stores.0417]\n"
       "  url = \"https://till-0417.example.com:7412\"\n"
       "  token = \"file:/etc/tillsync/0417.token\"\n"
       "  key = \"5e0f...c2\"          what `tillsync report key` shows in that store, or a file that has "
       "it\n"
       "  ca_file = \"stores-ca.pem\"  left out: the system's\n",
       "0 every store is balanced; 1 one is not, is late, cannot be reached or cannot be trusted; 2 usage"},
      JsonOption::kOffered);
  auto options = std::make_shared<FleetOptions>();
  command->add_option("--stores", options->stores, "the file that names the stores")->required();
  command->add_option("--day", options->day, "business day, YYYY-MM-DD")->required();
  command->add_option("--format", options->format, "table, json, csv or html (default table)")
      ->check(CLI::IsMember({"table", "json", "csv", "html"}));
  command->add_option("--timeout", options->timeout_s, "seconds for each store, 1 to 600 (default 30)")
      ->check(CLI::Range(1.0, 600.0));
  command
      ->add_option("--at-once", options->at_once_max, "stores asked at the same time, 1 to 1000 (default 64)")
      ->check(CLI::Range(1, 1000));
  command->callback([&context, options] { context.exit = run_fleet(context, *options); });
}

}  // namespace tillsync::cli
