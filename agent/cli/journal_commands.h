// The journal's commands that have a file of their own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/cli/commands.h"
#include "outbox/journal/reader.h"

namespace tillsync::cli {

void add_recover(CLI::App& journal, Context& context);
void add_keygen(CLI::App& journal, Context& context);
void add_import(CLI::App& journal, Context& context);

struct SignedExportArguments {
  std::string out, key;
  std::int64_t from = 1;
  std::optional<std::int64_t> to;  ///< nothing: to the end
};
/// `journal export --sign`.
Exit export_signed(const Context& context, JournalReader& reader, const SignedExportArguments& arguments);

}  // namespace tillsync::cli
