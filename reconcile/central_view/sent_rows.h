// What central's list of a day holds if it holds exactly what the journal has as delivered: row by row as
// digests, so that whole ranges of the list are known to be right without being read.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outbox/document/document.h"
#include "platform/base/decimal.h"
#include "platform/base/ids.h"
#include "reconcile/central_view/central_view.h"
#include "reconcile/central_view/row_digest.h"

namespace tillsync {

/// What was sent, as far as a row of central is compared with it.
struct SentContent {
  Sequence version;  ///< the record that holds it: the document's own, or its amendment's
  DocumentType type = DocumentType::kSale;
  Sha256Digest digest{};  ///< content_digest()
};

/// About 70 bytes a row; ids and contents are their owner's, who keeps them where they are. Add, seal, ask.
class SentRows {
 public:
  explicit SentRows(std::string store) : store_(std::move(store)) {}

  /// A delivered step of `sent`, which `id` and `content` belong to.
  void add(const std::string& id, const SentContent& content, std::string_view step, const Document& sent);
  /// A step that central may have or not: it is sent, or about to be.
  void add_open() { ++open_; }
  void seal();

  std::int64_t open() const { return open_; }
  RangeSum sum(const KeyPrefix& range) const;
  /// Whether a row of central is one of these, in document and money.
  bool holds(const SeenRow& row) const;
  /// Every row that is in none of `ranges` (in order, none inside another), in journal order, as a read-back
  /// of the equal row would have it but for central's own words: `central_reference` and `recorded_at` are
  /// "". Ends at the first failure of `visit`.
  Result<void> for_each_outside(const std::vector<KeyPrefix>& ranges,
                                const std::function<Result<void>(SeenRow)>& visit) const;

 private:
  struct Row {
    RowDigest digest;
    const std::string* id;
    const SentContent* content;
    std::optional<Decimal> total;
    std::uint16_t step;      ///< into names_
    std::uint16_t currency;  ///< into names_
  };

  std::uint16_t place_of(std::string_view name);
  SeenRow seen(const Row& row) const;

  const std::string store_;
  std::vector<Row> rows_;              ///< in journal order
  std::vector<std::uint32_t> by_key_;  ///< places in rows_; once sealed
  std::vector<std::string> names_;     ///< steps and currencies: few
  std::int64_t open_ = 0;
};

/// Whether one of `ranges` (in order, none inside another) holds the key.
bool is_in(const std::vector<KeyPrefix>& ranges, std::uint64_t key);

}  // namespace tillsync
