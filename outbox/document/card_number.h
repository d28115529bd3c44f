// Finding card numbers (PANs) in text, so that they can be refused at the door (I9; CONTRACT section 8).
#pragma once

#include <string_view>

namespace tillsync {

/// Whether `text` holds a run of 13 to 19 digits (single groups may be set apart by blanks or dashes) that
/// passes Luhn (ISO/IEC 7812-1 annex B) and begins like a number of a card scheme (Visa, Mastercard, American
/// Express, Discover, Diners, JCB, UnionPay, Maestro, Mir). A longer unbroken run of digits is no card
/// number. Test numbers count.
bool holds_card_number(std::string_view text);

}  // namespace tillsync
