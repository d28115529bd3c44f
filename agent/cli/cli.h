// The command line (CONTRACT section 4): `tillsync COMMAND [--config FILE]`. Called once, from main().
#pragma once

namespace tillsync::cli {

/// Runs the command that the arguments name and returns the program's exit status. Never throws.
int run_command_line(int argc, const char* const* argv);

}  // namespace tillsync::cli
