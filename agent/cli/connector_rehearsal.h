// What `connector try` and `connector fetch` share: whom they speak to, what they were told to hear, and how
// what went over the wire is shown.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "agent/cli/commands.h"
#include "agent/connectors/mapped/rehearsal.h"

namespace tillsync::cli {

struct RehearsalOptions {
  std::string file;
  std::string answers_file;
  std::string target;
  std::vector<std::string> parameters;
};
/// FILE, --answers, --target and --parameter.
void add_rehearsal_options(CLI::App& command, RehearsalOptions& options);

struct Stage {
  std::shared_ptr<const Connector> connector;
  Settings settings;
  std::string target;
  TargetSettings settings_of_target;
  json::Value parameters;
  std::deque<http::Answer> answers;
};
/// Everything that the options name. The error tells what is wrong with the usage, the settings or the file.
Result<Stage> set_stage(const Context& context, const RehearsalOptions& options);

Error usage(const std::string& detail);
/// At most 64 MiB.
Result<std::string> read_file(const std::string& path);

void print_exchange(const RehearsedExchange& exchange);
json::Array exchanges_json(const std::vector<RehearsedExchange>& exchanges);

}  // namespace tillsync::cli
