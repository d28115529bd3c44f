// Reads the members of a JSON object against rules, and notes each fault with its place. Internal to this
// folder. Not for sharing between threads.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outbox/document/validation.h"
#include "platform/json/json.h"

namespace tillsync {

/// A place in a body. Its pointer is put together only where a fault needs it. Refers to its parent: lives on
/// the stack.
class Path {
 public:
  Path() = default;
  Path(const Path& parent, std::string_view name) : parent_(&parent), name_(name), is_index_(false) {}
  Path(const Path& parent, std::size_t index) : parent_(&parent), index_(index) {}
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

  /// RFC 6901.
  std::string pointer() const;

 private:
  const Path* parent_ = nullptr;
  std::string_view name_;
  std::size_t index_ = 0;
  bool is_index_ = true;
};

/// The faults of a body: the first kFaultsMax are kept, all are counted.
class Faults {
 public:
  void add(const Path& at, std::string_view detail);
  std::size_t count() const { return count_; }
  /// How many the last of take() stands for; 0: each stands for itself.
  std::size_t more() const { return count_ > kFaultsMax ? count_ - kFaultsMax + 1 : 0; }
  /// Where there were more than kFaultsMax, the last says how many more.
  std::vector<Fault> take();

 private:
  std::vector<Fault> kept_;
  std::size_t count_ = 0;
};

enum class Need { kRequired, kOptional };

struct TextRule {
  enum class Letters {
    kNoControl,  ///< no U+0000 to U+001F, no U+007F
    kAny,
    kIdentifier,  ///< A-Z a-z 0-9 . _ : -
  };
  std::size_t characters_min;
  std::size_t characters_max;
  Letters letters = Letters::kNoControl;
};

struct DecimalRule {
  enum class Sign { kAny, kNotNegative, kPositive, kNotZero };
  std::string_view noun;  ///< "an amount"
  int decimals_max;
  std::int64_t below;  ///< bound of the magnitude
  Sign sign;
};

/// Amounts of money: 4 decimals, below 10^12.
DecimalRule amount_rule(DecimalRule::Sign sign);
/// Quantities: 3 decimals, below 10^9.
DecimalRule quantity_rule(DecimalRule::Sign sign);

enum class ListSize { kAny, kNotEmpty };

/// Whether all of `text` is A-Z a-z 0-9 . _ : - and it has 1 to `characters_max` of them.
bool is_identifier(std::string_view text, std::size_t characters_max);

/// Every reading function notes a fault and returns nothing where the member is not as its rule says, or is
/// required and missing. Each name is asked for once.
class ObjectReader {
 public:
  ObjectReader(const json::Object& object, const Path& at, Faults& faults)
      : object_(object), at_(at), faults_(faults) {}

  const json::Value* member(std::string_view name, Need need);
  std::optional<std::string> text(std::string_view name, Need need, const TextRule& rule);
  std::optional<std::string> choice(std::string_view name, Need need,
                                    std::initializer_list<std::string_view> choices);
  std::optional<Decimal> decimal(std::string_view name, Need need, const DecimalRule& rule);
  /// A JSON integer from `min` to below 2^53, the most that every JSON reader keeps exact.
  std::optional<std::int64_t> integer(std::string_view name, Need need, std::int64_t min);
  std::optional<bool> boolean(std::string_view name, Need need);
  /// A JSON object as compact text.
  std::optional<std::string> free_object(std::string_view name, Need need, ListSize size);
  const json::Object* object(std::string_view name, Need need);

  /// An array of objects, each read by `read(ObjectReader&)`; unknown members of the items are faults.
  template <class Item, class Read>
  std::vector<Item> list(std::string_view name, Need need, ListSize size, Read read) {
    std::vector<Item> items;
    const json::Array* const array = items_of(name, need, size);
    if (array == nullptr) return items;
    const Path list_path(at_, name);
    items.reserve(array->size());
    for (std::size_t i = 0; i < array->size(); ++i) {
      const Path path(list_path, i);
      const json::Object* const members = object_at((*array)[i], path);
      if (members == nullptr) continue;
      ObjectReader reader(*members, path, faults_);
      items.push_back(read(reader));
      reader.finish();
    }
    return items;
  }

  void fault(std::string_view name, std::string_view detail) { faults_.add(Path(at_, name), detail); }
  void fault_here(std::string_view detail) { faults_.add(at_, detail); }
  const Path& path() const { return at_; }
  Faults& faults() { return faults_; }

  /// Notes every member that was never asked for.
  void finish();

 private:
  static constexpr std::size_t kNamesMax = 24;  // more than any object of the model has

  const json::Array* items_of(std::string_view name, Need need, ListSize size);
  const json::Object* object_at(const json::Value& value, const Path& path);
  void wrong_kind(std::string_view name, std::string_view wanted, const json::Value& value);
  bool is_asked_for(std::string_view name) const;

  const json::Object& object_;
  const Path& at_;
  Faults& faults_;
  std::array<std::string_view, kNamesMax> asked_;
  std::size_t asked_count_ = 0;
  std::size_t found_count_ = 0;
  std::size_t next_ = 0;  ///< where the search for the next member begins
};

}  // namespace tillsync
