// The parameters of a connector file. fill_parameters() of connector.h is beside it in the .cpp.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agent/connectors/mapped/connector.h"
#include "agent/connectors/mapped/connector_source.h"
#include "config/toml_tree.h"

namespace tillsync::connector_file {

inline constexpr std::size_t kParametersMax = 64;

/// The table [parameters]; mistakes are told.
std::map<std::string, Parameter> read_parameters(const config::Node& table, Source& source);

/// "string", "integer", "boolean", "object", "array".
std::string_view parameter_kind_name(Parameter::Kind kind);

}  // namespace tillsync::connector_file
