// Reading elements by their local names: tills write POSLog with any prefix or with none. Internal to this
// folder; on pugixml.
#pragma once

#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "agent/poslog/poslog_reader.h"
#include "platform/base/decimal.h"

namespace tillsync::poslog {

/// The name without its prefix.
std::string_view local_name(pugi::xml_node node);
std::string_view prefix_of(pugi::xml_node node);
/// The first child of that local name; a null node where there is none.
pugi::xml_node child(pugi::xml_node parent, std::string_view name);
std::vector<pugi::xml_node> children(pugi::xml_node parent, std::string_view name);
/// The element's own text (all of it, CDATA too), without blanks around it; "" of a null node.
std::string text(pugi::xml_node node);
std::string text_of(pugi::xml_node parent, std::string_view name);
/// Of the first of `names` that has some.
std::string first_text(pugi::xml_node parent, std::initializer_list<std::string_view> names);
/// An attribute by its local name; "" where there is none.
std::string_view attribute(pugi::xml_node node, std::string_view name);
/// xs:boolean: true or 1.
bool is_set(pugi::xml_node node, std::string_view name);
bool equal_ignoring_case(std::string_view a, std::string_view b);

/// xs:decimal (XML Schema part 2, 3.2.3) in its whole breadth: "+1.", ".50", "007" are decimals too. Nothing
/// where it is none, or has more than 7 decimals or 12 digits in front of the point.
std::optional<Decimal> decimal(std::string_view text);
/// How many decimals its shortest text has.
int decimals_of(const Decimal& value);

/// Notes faults, the first kPoslogFaultsMax of them; all are counted.
class FaultList {
 public:
  void add(std::string xpath, std::string detail);
  bool empty() const { return count_ == 0; }
  std::vector<PoslogFault> take();

 private:
  std::vector<PoslogFault> kept_;
  std::size_t count_ = 0;
};

}  // namespace tillsync::poslog
