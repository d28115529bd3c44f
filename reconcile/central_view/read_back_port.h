// The port through which reconcile reads central back. Blocking, on the reconcile thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "outbox/document/document.h"
#include "platform/base/result.h"
#include "platform/base/time.h"

namespace tillsync {

/// One row of central's own list (CONTRACT section 6).
struct CentralRow {
  std::string reference;  ///< "STORE/ID"
  std::string step;
  std::string central_reference;
  std::optional<std::string> total;  ///< decimal text, positive for a return; nothing where there is no money
  std::optional<std::string> currency;
  std::string recorded_at;
  std::string document;  ///< a JSON object as central wrote it, not parsed; "" where it does not give it back
};

struct CentralPage {
  std::vector<CentralRow> rows;
  std::optional<std::string> next;  ///< cursor of the next page
};

/// The document types that a target can list; nothing: all of them.
using ListedTypes = std::optional<std::set<DocumentType>>;

class ReadBackPort {
 public:
  virtual ~ReadBackPort() = default;
  /// One page of what central holds of this store's business day; `cursor` from the page before, nothing for
  /// the first.
  virtual Result<CentralPage> read_back(BusinessDay day, const std::optional<std::string>& cursor) = 0;
  /// What is not listed proves nothing by not being in the list. The same for every page.
  virtual ListedTypes listed_types() const { return std::nullopt; }
};

}  // namespace tillsync
