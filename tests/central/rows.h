// Central's rows as they are listed: honest, or as a lie has them.
#pragma once

#include <string>

#include "platform/json/json.h"
#include "tests/central/faults.h"
#include "tests/central/ledger.h"

namespace tillsync::central {

json::Value row_of(const std::string& target, const Effect& effect);
/// Appends the row as the lie has it: left out, changed, or twice.
void append_row(json::Array& rows, json::Value row, const ReadBackLie& lie);
/// The day that a row which was made up is of; "" for every day.
std::string day_of(const json::Value& extra);

}  // namespace tillsync::central
