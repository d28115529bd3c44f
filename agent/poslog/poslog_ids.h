// Identifiers of the canonical model made of POSLog's: the same transaction gives the same id wherever and
// whenever it is read. Pure.
#pragma once

#include <string>
#include <string_view>

namespace tillsync {

/// What makes a transaction unique by the standard: BusinessUnit/UnitID (or RetailStoreID), WorkstationID,
/// SequenceNumber, BusinessDayDate.
struct PoslogKey {
  std::string store;
  std::string workstation;
  std::string sequence;
  std::string day;
};

/// `text` in the letters A-Z a-z 0-9 . - : every other byte becomes _HH (two capital hexadecimal digits). Two
/// different texts never become the same one.
std::string poslog_identifier(std::string_view text);

/// "STORE:WORKSTATION:SEQUENCE:DAY", each part as above. Where that has more than 64 characters, "poslog:"
/// and 56 hexadecimal digits of its SHA-256 instead, which no short one can look like.
std::string poslog_document_id(const PoslogKey& key);

/// A workstation as a terminal of the contract (1 to 32 characters): as above, or "poslog:" and 24 digits.
/// "" for "".
std::string poslog_terminal(std::string_view workstation);

}  // namespace tillsync
