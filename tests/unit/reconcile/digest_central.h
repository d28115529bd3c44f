// A central that answers digests of the rows it lists, and can be wrong in them.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/reconcile/store.h"

namespace tillsync::testing {

/// Of a row as central lists it.
inline RowDigest digest_of(const CentralRow& row) {
  const auto total = row.total ? Decimal::parse(*row.total, Decimal::kDecimals)->text() : std::string();
  const auto document = json::parse(row.document, json::ParseLimits{.depth_max = 64});
  return row_digest(row.reference, row.step, total, row.currency.value_or(""),
                    document ? json::dump_normalized(*document) : "");
}

class DigestCentral final : public FakeCentral, public DigestPort {
 public:
  using Parts = std::vector<std::pair<KeyPrefix, RangeSum>>;

  std::function<Error()> refuses;      ///< asked for digests
  std::function<void(Parts&)> tamper;  ///< with the parts of each request
  std::function<void()> before_parts;  ///< may change central
  bool of_other_text = false;          ///< sums add up, and are none of the rows'
  bool lists_whole_day = false;        ///< whatever the ranges
  int day_requests = 0, part_requests = 0, row_requests = 0, list_requests = 0;
  std::size_t rows_listed = 0;

  /// FakeCentral's `rows`, whose name a question takes here.
  std::vector<CentralRow>& list() { return rows_of_; }
  DigestPort* digests() override { return this; }

  Result<CentralPage> read_back(BusinessDay at, const std::optional<std::string>& cursor) override {
    ++list_requests;
    return FakeCentral::read_back(at, cursor);
  }

  Result<std::map<BusinessDay, RangeSum>> days(BusinessDay from, BusinessDay to) override {
    ++day_requests;
    if (refuses) return refuses();
    std::map<BusinessDay, RangeSum> out;
    for (const CentralRow& row : rows_of_) {
      const BusinessDay at = day_of(row);
      if (at >= from && at <= to) out[at].add(told(row));
    }
    return out;
  }

  Result<Parts> parts(BusinessDay at, const std::vector<KeyPrefix>& ranges) override {
    ++part_requests;
    if (before_parts) before_parts();
    std::map<KeyPrefix, RangeSum> sums;
    for (const CentralRow& row : rows_of_) {
      if (day_of(row) != at) continue;
      const RowDigest digest = told(row);
      for (const KeyPrefix& range : ranges) {
        for (int digit = 0; range.contains(digest.key) && digit < KeyPrefix::kParts; ++digit) {
          if (range.part(digit).contains(digest.key)) sums[range.part(digit)].add(digest);
        }
      }
    }
    Parts out(sums.begin(), sums.end());
    if (tamper) tamper(out);
    return out;
  }

  Result<CentralPage> rows(BusinessDay at, const std::vector<KeyPrefix>& ranges,
                           const std::optional<std::string>& cursor) override {
    ++row_requests;
    CentralPage page;
    const std::size_t from = cursor ? std::stoul(*cursor) : 0;
    for (std::size_t i = from; i < rows_of_.size(); ++i) {
      const std::uint64_t key = row_key(rows_of_[i].reference, rows_of_[i].step);
      const bool asked = std::any_of(ranges.begin(), ranges.end(),
                                     [&](const KeyPrefix& range) { return range.contains(key); });
      if (day_of(rows_of_[i]) != at || (!asked && !lists_whole_day)) continue;
      if (page.rows.size() == page_rows) {
        page.next = std::to_string(i);
        break;
      }
      page.rows.push_back(rows_of_[i]);
    }
    rows_listed += page.rows.size();
    return page;
  }

 private:
  static BusinessDay day_of(const CentralRow& row) {
    const auto document = json::parse(row.document, json::ParseLimits{.depth_max = 64});
    return day(document ? std::string(document->text_of("business_day")) : kDay);
  }
  RowDigest told(const CentralRow& row) const {
    RowDigest digest = digest_of(row);
    if (of_other_text) digest.words[0] = ~digest.words[0];
    return digest;
  }
  std::vector<CentralRow>& rows_of_ = FakeCentral::rows;
};

}  // namespace tillsync::testing
