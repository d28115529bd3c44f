// Numbers of what the program carries beside its code. Read by windres as well: nothing but macros.
#pragma once

#define TILLSYNC_ZONES 2
