// Comparing secrets.
#pragma once

#include <string_view>

namespace tillsync {

/// Whether both are the same; how long it takes tells nothing but their lengths.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace tillsync
