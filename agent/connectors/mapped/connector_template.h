// Takes texts such as `/{.parameters.database}/sale` apart. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/connectors/mapped/connector.h"

namespace tillsync::connector_file {

struct ParsedTemplate {
  Template text;      ///< usable only where `fault` is ""
  std::string fault;  ///< what is wrong and the cure, worded to follow the key's name
  std::int64_t fault_line = 0;
};

/// `first_line` is the file's, where the text begins. Never throws.
ParsedTemplate parse_template(std::string_view text, std::int64_t first_line);

}  // namespace tillsync::connector_file
