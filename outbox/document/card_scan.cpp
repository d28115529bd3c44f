#include "outbox/document/card_scan.h"

#include "outbox/document/card_number.h"
#include "outbox/document/gtin.h"

namespace tillsync {
namespace {

constexpr std::string_view kFound =
    "holds what looks like a payment card number: never send one; put the card scheme's token or the last "
    "four digits instead";
constexpr std::string_view kFoundInName =
    "a member's name in this object holds what looks like a payment card number: never send one";

/// Where the walk stands, as far as the exemptions need to know.
enum class Room { kBody, kLines, kLine, kOriginal, kOther };

bool is_exempt(Room room, std::string_view name, std::string_view text) {
  switch (room) {
    case Room::kBody:
      return name == "id";
    case Room::kLine:
      return name == "sku" || (name == "gtin" && is_valid_gtin(text));
    case Room::kOriginal:
      return name == "id" || name == "receipt";
    case Room::kLines:
    case Room::kOther:
      return false;
  }
  return false;
}

Room room_of(Room parent, std::string_view name, const json::Value& value) {
  if (parent != Room::kBody) return Room::kOther;
  if (name == "lines" && value.as_array() != nullptr) return Room::kLines;
  if (name == "original" && value.as_object() != nullptr) return Room::kOriginal;
  return Room::kOther;
}

class Scan {
 public:
  explicit Scan(Faults& faults) : faults_(faults) {}

  void value(const json::Value& value, const Path& at, Room room) {
    if (const auto* text = value.as_string()) {
      if (holds_card_number(*text)) faults_.add(at, kFound);
    } else if (const auto* number = value.as_number()) {
      // The digits behind a point are a measurement's, not a card's.
      const bool integer = number->text.find_first_of(".eE") == std::string::npos;
      if (integer && holds_card_number(number->text)) faults_.add(at, kFound);
    } else if (const auto* array = value.as_array()) {
      for (std::size_t i = 0; i < array->size(); ++i) {
        this->value((*array)[i], Path(at, i), room == Room::kLines ? Room::kLine : Room::kOther);
      }
    } else if (const auto* members = value.as_object()) {
      object(*members, at, room);
    }
  }

 private:
  void object(const json::Object& members, const Path& at, Room room) {
    bool name_noted = false;
    for (const auto& [name, value] : members) {
      if (holds_card_number(name)) {
        if (!name_noted) faults_.add(at, kFoundInName);
        name_noted = true;
        continue;
      }
      const auto* const text = value.as_string();
      if (text != nullptr && is_exempt(room, name, *text)) continue;
      this->value(value, Path(at, name), room_of(room, name, value));
    }
  }

  Faults& faults_;
};

}  // namespace

void find_card_numbers(const json::Value& body, Faults& faults) {
  Scan(faults).value(body, Path(), Room::kBody);
}

}  // namespace tillsync
