// The one executable: everything is behind its commands.
#include "agent/cli/cli.h"

int main(int argc, char** argv) {
  return tillsync::cli::run_command_line(argc, argv);
}
