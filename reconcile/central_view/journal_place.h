// A record of the journal that a cache's sequences belong to.
#pragma once

#include <string>

#include "platform/base/ids.h"

namespace tillsync {

/// Another journal in its place (a backup that was brought back) has another record there, or none.
struct JournalPlace {
  Sequence sequence;
  std::string hash_hex;
  bool operator==(const JournalPlace&) const = default;
};

}  // namespace tillsync
