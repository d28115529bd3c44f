// A connector file while it is read: its lines as they stand, what is wrong with it, and the two kinds of
// text that it holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/connectors/mapped/connector.h"
#include "config/mistakes.h"
#include "config/toml_tree.h"

namespace tillsync::connector_file {

/// Of one program, and of one text with expressions.
inline constexpr std::size_t kProgramBytesMax = 64 * 1024;

class Source {
 public:
  /// `text` outlives it.
  Source(std::string_view text, const std::string& file);

  config::Mistakes mistakes;

  /// Where the first line of a string stands whose key is on `line`: TOML drops a line end right behind an
  /// opening ''', and the string then begins one line below its key.
  std::int64_t first_line_of(std::string_view key, std::int64_t line) const;

 private:
  std::vector<std::string_view> lines_;
};

/// A key's jq program; nothing where it is a mistake, which is told. `where` names the table in messages.
std::optional<JqText> read_program(const config::Node& node, std::string_view key, const std::string& where,
                                   Source& source);
/// Likewise a text with expressions.
std::optional<Template> read_template(const config::Node& node, std::string_view key,
                                      const std::string& where, Source& source);

}  // namespace tillsync::connector_file
