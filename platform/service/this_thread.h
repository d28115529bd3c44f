// The calling thread as the system sees it: its name, and who goes first where there are not processors
// enough. No operating-system header comes with it; one .cpp per system implements it.
#pragma once

namespace tillsync {

/// What tools show that list threads (`top -H`, a debugger); at most 15 characters.
void name_this_thread(const char* name);

/// The calling thread gives way to this process's other threads from now on, for ever: it gets what they
/// leave, and a small share (about a tenth of a processor) where they leave nothing, so that it never stands
/// still. Where the system does not allow it nothing changes.
void give_way_to_other_threads();

}  // namespace tillsync
