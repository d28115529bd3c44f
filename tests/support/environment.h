// The test's own environment. One thread.
#pragma once

#include <cstdlib>
#include <string>

namespace tillsync::testing {

inline void set_environment(const std::string& name, const std::string& value) {
#ifdef _WIN32
  ::_putenv_s(name.c_str(), value.c_str());
#else
  ::setenv(name.c_str(), value.c_str(), 1);
#endif
}

inline void unset_environment(const std::string& name) {
#ifdef _WIN32
  ::_putenv_s(name.c_str(), "");  // removes it
#else
  ::unsetenv(name.c_str());
#endif
}

}  // namespace tillsync::testing
