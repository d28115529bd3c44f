// For those who make packages: the man page and the shell completion, made of the commands themselves.
#pragma once

#include <CLI/CLI.hpp>

#include "agent/cli/support.h"

namespace tillsync::cli {

/// Adds `manual man|bash`, which no list tells of.
void add_manual(CLI::App& app, Context& context);

}  // namespace tillsync::cli
