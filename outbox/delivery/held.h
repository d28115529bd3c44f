// Which deliveries wait, directly or not, for a quarantined one: what no waiting will settle. Such a delivery
// is "held".
//
// Marks spread when a delivery is quarantined, along keys and needs; each mark is made once, so that this
// costs no more than the users it marks. They are not withdrawn one by one: a release makes them stale (never
// too few, maybe too many) until refresh_held() marks anew.
#pragma once

#include <vector>

#include "outbox/delivery/memory.h"

namespace tillsync {

/// `root` is held, and so is all that waits for it.
void mark_held(Delivery& root, const NeedTable& needs);
/// True where something before `delivery` on one of its keys is held.
bool waits_behind_held(const Delivery& delivery);
/// Marks anew in all lanes, from the quarantined ones.
void refresh_held(Shared& shared);

}  // namespace tillsync
