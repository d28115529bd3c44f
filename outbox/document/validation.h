// The door: bytes from a till become a Document, or a refusal that names every fault at once (CONTRACT
// sections 1 and 8).
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "outbox/document/document.h"
#include "platform/json/json.h"

namespace tillsync {

/// What a document takes from its store where it does not say it itself.
struct StoreDefaults {
  std::string store_id;
  std::string currency;
  BusinessCalendar calendar;
};

/// One fault of a body: where (RFC 6901 pointer; "" is the whole body) and what, with the cure.
struct Fault {
  std::string pointer;
  std::string detail;
  bool operator==(const Fault&) const = default;
};

struct Refusal {
  enum class Kind {
    kMalformed,   ///< no JSON, or JSON no one may send (duplicate members, too deep, not an object)
    kInvalid,     ///< JSON, but not a document of the model
    kCardNumber,  ///< holds a card number (I9); wins over kInvalid, and its faults name places, never the
                  ///< number
  };
  Kind kind = Kind::kInvalid;
  std::string detail;
  std::vector<Fault> faults;    ///< at most kFaultsMax; the last then says how many more there were
  std::size_t faults_more = 0;  ///< that number; 0: all are in the list
};
inline constexpr std::size_t kFaultsMax = 100;
/// What stands in the place of so many further faults.
Fault further_faults(std::size_t count);
inline constexpr std::size_t kDocumentBytesMax = 1024 * 1024;

/// A document of the model, or why not. Never throws, never logs.
std::variant<Document, Refusal> parse_document(std::string_view body, const StoreDefaults& store);
/// The same for a body that is already parsed (the `data` of a CloudEvent, a member of a batch).
std::variant<Document, Refusal> check_document(const json::Value& body, const StoreDefaults& store);

/// Whether `id` may name a document: 1 to 64 of A-Z a-z 0-9 . _ : -
bool is_document_id(std::string_view id);

}  // namespace tillsync
