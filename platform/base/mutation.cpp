#include "platform/base/mutation.h"

#ifdef TILLSYNC_MUTATIONS
#include <string>

namespace tillsync {
namespace {

std::string active;

}  // namespace

void set_mutation(std::string_view name) {
  active = name;
}

bool mutated(std::string_view name) {
  return !active.empty() && active == name;
}

}  // namespace tillsync
#endif
