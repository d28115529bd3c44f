// Arguments as one command line, so that a program of this system gets them back as they were. For the files
// of this folder.
#pragma once

#include <string>
#include <vector>

namespace tillsync {

/// By the rules of CommandLineToArgvW and the C library. The program's path is quoted always: a service whose
/// path has a blank and no quotes may start another program.
std::wstring command_line(const std::vector<std::string>& argv);

}  // namespace tillsync
