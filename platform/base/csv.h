// Fields of comma-separated values (RFC 4180).
#pragma once

#include <string>
#include <string_view>

namespace tillsync {

/// Appends a field, in quotes where it needs them.
void append_csv_field(std::string& out, std::string_view field);
/// Whether a spreadsheet might run a field as a formula (OWASP, "CSV Injection").
bool is_csv_formula(std::string_view field);

}  // namespace tillsync
