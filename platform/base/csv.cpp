#include "platform/base/csv.h"

namespace tillsync {

void append_csv_field(std::string& out, std::string_view field) {
  if (field.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += field;
    return;
  }
  out += '"';
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

bool is_csv_formula(std::string_view field) {
  return !field.empty() && std::string_view("=+-@\t\r\n").find(field[0]) != std::string_view::npos;
}

}  // namespace tillsync
