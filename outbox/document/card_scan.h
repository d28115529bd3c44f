// Looks through a whole body for card numbers (I9; CONTRACT section 8). Internal to this folder.
#pragma once

#include "outbox/document/object_reader.h"

namespace tillsync {

/// Notes the place of every string and integer that holds a card number, except where long numbers of another
/// kind belong: the document's `id`, a line's `sku`, a line's `gtin` with a right check digit, and `id` and
/// `receipt` of `original`. A member name that holds one is noted at the object around it (its own pointer
/// would repeat the number), and nothing inside that member is noted.
void find_card_numbers(const json::Value& body, Faults& faults);

}  // namespace tillsync
