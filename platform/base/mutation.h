// Deliberate defects, for the proof that the simulator finds them. Compiled in only where the build asks for
// it (TILLSYNC_MUTATIONS, on in the presets that test, off in `release`), and then off until a test names
// one.
#pragma once

#include <string_view>

namespace tillsync {

#ifdef TILLSYNC_MUTATIONS
inline constexpr bool kMutationsBuilt = true;
/// The defect that is switched on, "" for none. Set before threads start.
void set_mutation(std::string_view name);
/// Whether the defect of that name is switched on.
bool mutated(std::string_view name);
#else
inline constexpr bool kMutationsBuilt = false;
inline void set_mutation(std::string_view) {}
constexpr bool mutated(std::string_view) {
  return false;
}
#endif

}  // namespace tillsync
