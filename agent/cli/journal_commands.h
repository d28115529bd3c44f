// The journal's commands that have a file of their own.
#pragma once

#include "agent/cli/commands.h"

namespace tillsync::cli {

void add_recover(CLI::App& journal, Context& context);

}  // namespace tillsync::cli
