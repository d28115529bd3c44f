#include "platform/transfer/folder.h"

#include <algorithm>
#include <array>

namespace tillsync::transfer {

std::string temporary_name(const std::string& name) {
  return "." + name + ".part";
}

bool may_be_there(std::string_view code) {
  // All that ends before the last byte is acknowledged, and so before the file is named.
  static constexpr std::array<std::string_view, 8> kBefore = {"no-folder", "write",    "resolve", "connect",
                                                              "tls",       "host-key", "login",   "refused"};
  return std::find(kBefore.begin(), kBefore.end(), code) == kBefore.end();
}

}  // namespace tillsync::transfer
