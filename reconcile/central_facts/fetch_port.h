// The port through which reconcile asks a target what it knows: its change feed, single rows, whole lists,
// and its documents of one sale. Blocking, on the reconcile thread. An Error is a target that did not answer,
// or not in the agreed shape; what a target simply does not serve is an answer.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "reconcile/central_facts/central_facts.h"
#include "reconcile/central_view/read_back_port.h"

namespace tillsync {

/// A row that central changed.
struct FactChange {
  enum class How {
    kValue,    ///< `value` is what it is now
    kUntold,   ///< it changed; to be fetched
    kRemoved,  ///< central no longer has it
  };
  FactKind kind = FactKind::kCustomer;
  std::string key;
  std::string etag;  ///< "" where central gives none
  How how = How::kUntold;
  std::string value;  ///< JSON text as central wrote it, not judged
};

struct ChangesPage {
  enum class Answer {
    kPage,
    kNotServed,      ///< this target has no change feed
    kCursorUnknown,  ///< it has, and does not know this cursor (any more)
  };
  Answer answer = Answer::kPage;
  std::vector<FactChange> changes;
  std::string cursor;     ///< for the next call
  std::size_t rows = 0;   ///< as central gave them, ours or not; 0: there is no more now
  std::size_t bytes = 0;  ///< of the answer
};

struct FetchedFact {
  enum class Answer {
    kValue,
    kNotModified,  ///< what `etag` stood for is still so
    kAbsent,       ///< central has no such row
    kNotServed,    ///< this target tells nobody rows of this kind
  };
  Answer answer = Answer::kNotServed;
  std::string value;  ///< JSON text as central wrote it, not judged
  std::string etag;
};

/// A page of all rows of a kind; each of them kValue.
struct FactsPage {
  std::vector<FactChange> rows;
  std::optional<std::string> next;  ///< cursor of the next page
  std::size_t bytes = 0;
};

class FetchPort {
 public:
  virtual ~FetchPort() = default;

  /// Whether it is worth asking for rows of this kind at all; asks nobody.
  virtual bool offers(FactKind kind) const = 0;
  /// What changed since `cursor` ("": ever). Rows of kinds and stores that are none of ours are left out.
  virtual Result<ChangesPage> changes(const std::string& cursor) = 0;
  /// `etag`: of what is held, "" for nothing.
  virtual Result<FetchedFact> fetch(FactKind kind, const std::string& key, const std::string& etag) = 0;
  /// All rows of a kind, page by page; nothing where the target does not list them.
  virtual Result<std::optional<FactsPage>> list(FactKind kind, const std::optional<std::string>& cursor) = 0;

  /// Central's rows for one document, "STORE/ID", from any store; nothing where the target cannot tell.
  virtual Result<std::optional<std::vector<CentralRow>>> sale(const std::string& reference) = 0;
  /// Central's returns that name this sale, from any store; nothing where the target cannot tell.
  virtual Result<std::optional<std::vector<CentralRow>>> returns_of(const std::string& reference) = 0;
};

}  // namespace tillsync
