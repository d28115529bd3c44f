// Asks central for what it knows of one customer, article or rule, through a connector file's `fetch`.
// Blocking, on the thread that drives the HTTP client.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/connectors/mapped/asker.h"
#include "platform/json/json.h"

namespace tillsync {

struct FetchQuery {
  FetchWhat what = FetchWhat::kCustomer;
  std::optional<std::string> key;     ///< the customer's number, the SKU; nothing: all, page by page
  std::optional<std::string> cursor;  ///< from the page before
  std::optional<std::string> etag;    ///< of what is held already
};

inline constexpr std::size_t kFetchRowsMax = 1000;  ///< of a page
inline constexpr std::size_t kFetchPageBytesMax = 4 * 1024 * 1024;
inline constexpr std::size_t kFetchCursorBytesMax = 4 * 1024;
inline constexpr std::size_t kFetchETagBytesMax = 1024;

struct FetchPage {
  json::Array rows;                 ///< objects as the views of CONTRACT section 6 have them
  std::optional<std::string> next;  ///< cursor of the next page
  std::optional<std::string> etag;  ///< to ask with the next time
  bool not_modified = false;        ///< what `etag` stood for is still so; there are no rows
};

class MappedFetch {
 public:
  struct Parts {
    std::string target;  ///< for messages
    std::shared_ptr<const Connector> connector;
    json::Value parameters;
    std::string store;
    Asker asker;
  };
  explicit MappedFetch(Parts parts) : parts_(std::move(parts)) {}

  /// No rows: central knows nothing of that key. kUnavailable: no answer, no credential, a program that
  /// failed, or a connector without such a [[fetch]]; kInvalid: an output of the wrong shape, or beyond a
  /// limit above.
  Result<FetchPage> fetch(const FetchQuery& query);

 private:
  Parts parts_;
};

/// The program's output: {"rows": [objects], "next", "etag": string or null, "not_modified": bool}, all but
/// one of `rows` and `not_modified` optional. kInvalid says what is wrong.
Result<FetchPage> parse_fetch_page(const json::Value& said);

}  // namespace tillsync
