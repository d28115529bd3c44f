// `tillsync service`.
#pragma once

#include <CLI/CLI.hpp>

#include "agent/cli/support.h"

namespace tillsync::cli {

void add_service(CLI::App& app, Context& context);

}  // namespace tillsync::cli
