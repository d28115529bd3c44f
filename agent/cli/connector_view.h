// What a connector file offers, for a person and for a machine; and jq's words brought to the file's lines.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/connectors/mapped/connector.h"
#include "platform/json/json.h"

namespace tillsync::cli {

/// Lines of at most `width` columns where they can be (0: no limit).
std::string connector_text(const Connector& connector, std::size_t width);
/// {"name","about","operations":[{"operation","types","requests"}],"parameters":[{"name","kind","default","about"}],...}
json::Value connector_json(const Connector& connector);

/// What jq::Mapper said of a program ("line N: WHAT"), with so many lines of definitions before it, as a
/// mistake of the file, on the file's own line.
SettingsMistake program_mistake(const std::string& file, const NamedProgram& program, std::string_view said,
                                std::int64_t lines_before = 0);
/// The mistake of a program that jq takes by itself, but not as an expression: `def f: 1;`.
SettingsMistake unfinished_program(const std::string& file, const NamedProgram& program);

}  // namespace tillsync::cli
