// The commands under `tillsync report`.
#pragma once

#include <string>

#include "agent/cli/commands.h"

namespace tillsync::cli {

struct ReportDays {
  std::string day, from, to;
};
/// --day, --from and --to.
void add_day_options(CLI::App& command, ReportDays& days);
/// The query for the chosen days, or what is wrong with them.
Result<std::string> days_query(const ReportDays& days);

/// 32 bytes, from 64 hexadecimal digits or from a file that holds them or a PEM.
Result<std::string> public_key_from(const std::string& argument);

void add_trial_balance(CLI::App& reports, Context& context);
void add_report_key(CLI::App& reports, Context& context);
void add_report_verify(CLI::App& reports, Context& context);

}  // namespace tillsync::cli
