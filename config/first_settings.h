// What a fresh box starts from.
#pragma once

#include <string>

namespace tillsync {

/// The example file, each setting and each table of a target's a comment: nothing in it is some other
/// store's, and `check` says what has to be written.
std::string first_settings();

}  // namespace tillsync
