// Compares what the journal planned for one target on one business day with central's rows of that day. Pure:
// no I/O of its own, one thread. Add central's rows, then match the journal's deliveries in journal order,
// then finish. It keeps about 110 bytes and the reference's text for a row, never a document: whole rows are
// fetched again for the few that differ.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reconcile/central_view/central_view.h"
#include "reconcile/matching/findings.h"

namespace tillsync {

/// One delivery as the journal has it: of the version that is sent, where the document was amended.
struct PlannedDelivery {
  std::string_view id;
  DocumentType type = DocumentType::kSale;
  Sequence sequence;
  Sequence version;  ///< the record whose content is sent: its own, or its amendment's
  std::string_view step;
  DeliveryState state = DeliveryState::kPending;
  std::string_view last_error;
  std::string_view currency;
  std::optional<Decimal> total;  ///< document_total()
  bool total_given_by_till =
      false;  ///< else it is the exact sum, and central may round it half up to the minor unit
};

/// What is costly to know of a delivery, asked only where it matters.
class DeliveryProbe {
 public:
  virtual ~DeliveryProbe() = default;
  /// content_digest() of what was sent.
  virtual Result<Sha256Digest> digest() = 0;
  /// What central called it when it took it.
  virtual Result<std::string> central_reference() = 0;
  /// Whether it was delivered after central was last read back, so that central's list cannot show it.
  virtual Result<bool> newer_than_read_back() = 0;
};

/// What the journal knows of a document that is not planned here for this day.
struct KnownDocument {
  Sequence sequence;
  DocumentType type = DocumentType::kSale;
  BusinessDay business_day;
};

class DayMatcher {
 public:
  using FetchRow = std::function<Result<std::optional<SeenRow>>(const std::string& reference,
                                                                const std::string& step, int occurrence)>;
  using LookUp = std::function<Result<std::optional<KnownDocument>>(const std::string& id)>;

  /// `listed`: what central's list of the day shows at all.
  DayMatcher(std::string store, BusinessDay day, FetchRow fetch, ListedTypes listed)
      : store_(std::move(store)), day_(day), fetch_(std::move(fetch)), listed_(std::move(listed)) {}

  /// In the view's order: by reference, step, occurrence.
  void add(const SeenRow& row);
  /// Each delivery once.
  Result<void> match(const PlannedDelivery& planned, DeliveryProbe& probe, TargetFindings& out);
  /// Central's sums, and what nothing matched. `look_up` finds documents of other days; it is asked at most
  /// kLookUpsMax times a day.
  Result<void> finish(const LookUp& look_up, TargetFindings& out);
  static constexpr int kLookUpsMax = 10'000;

 private:
  struct Row {
    Decimal total;
    Sha256Digest digest{};
    Sequence same_as;                ///< 0: none
    std::uint32_t reference_at = 0;  ///< into texts_
    std::uint16_t reference_size = 0;
    std::uint16_t step = 0;      ///< into steps_
    std::uint16_t currency = 0;  ///< into currencies_; 0: none
    std::optional<DocumentType> type;
    int occurrence = 1;
    std::uint64_t central_reference_hash = 0;
    bool has_total = false;
    bool unreadable_total = false;
    bool has_digest = false;
    bool taken = false;
  };

  std::string_view reference_of(const Row& row) const {
    return std::string_view(texts_).substr(row.reference_at, row.reference_size);
  }
  /// Rows of this reference and step.
  std::pair<std::vector<Row>::iterator, std::vector<Row>::iterator> rows_of(std::string_view reference,
                                                                            std::string_view step);
  Result<void> compare(const PlannedDelivery& planned, const Row& row, DeliveryProbe& probe,
                       TargetFindings& out) const;
  void compare_money(const PlannedDelivery& planned, const Row& row, const SeenRow* whole,
                     std::vector<DifferentMember>& found) const;
  bool same_amount(const PlannedDelivery& planned, const Row& row) const;
  bool same_money(const PlannedDelivery& planned, const Row& row) const;
  Result<Finding> stray(const Row& row, const LookUp& look_up, int& look_ups) const;

  const std::string store_;
  const BusinessDay day_;
  const FetchRow fetch_;
  const ListedTypes listed_;
  std::vector<Row> rows_;
  std::string texts_;
  std::vector<std::string> steps_;
  std::vector<std::string> currencies_{""};
};

}  // namespace tillsync
