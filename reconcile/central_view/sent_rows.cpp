#include "reconcile/central_view/sent_rows.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "outbox/document/currency.h"
#include "outbox/document/sorted_form.h"
#include "platform/base/check.h"
#include "reconcile/central_view/reference.h"

namespace tillsync {

bool is_in(const std::vector<KeyPrefix>& ranges, std::uint64_t key) {
  const auto behind =
      std::upper_bound(ranges.begin(), ranges.end(), key,
                       [](std::uint64_t k, const KeyPrefix& range) { return k < range.first(); });
  return behind != ranges.begin() && std::prev(behind)->contains(key);
}

void SentRows::add(const std::string& id, const SentContent& content, std::string_view step,
                   const Document& sent) {
  Row row;
  row.id = &id;
  row.content = &content;
  row.total = document_total(sent);
  row.step = place_of(step);
  row.currency = place_of(sent.currency);
  row.digest =
      row_digest(document_reference(store_, id), step, row.total ? row.total->text() : "",
                 row.total ? std::string_view(sent.currency) : std::string_view(), sorted_json(sent));
  TILLSYNC_CHECK(rows_.size() < std::numeric_limits<std::uint32_t>::max(),
                 "a day's rows are counted in 32 bits");
  rows_.push_back(row);
}

std::uint16_t SentRows::place_of(std::string_view name) {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return static_cast<std::uint16_t>(found - names_.begin());
  TILLSYNC_CHECK(names_.size() < std::numeric_limits<std::uint16_t>::max(), "steps and currencies are few");
  names_.emplace_back(name);
  return static_cast<std::uint16_t>(names_.size() - 1);
}

void SentRows::seal() {
  by_key_.resize(rows_.size());
  for (std::uint32_t i = 0; i < by_key_.size(); ++i) by_key_[i] = i;
  std::sort(by_key_.begin(), by_key_.end(),
            [this](std::uint32_t a, std::uint32_t b) { return rows_[a].digest.key < rows_[b].digest.key; });
}

RangeSum SentRows::sum(const KeyPrefix& range) const {
  const auto below = [this](std::uint32_t place, std::uint64_t key) { return rows_[place].digest.key < key; };
  RangeSum sum;
  for (auto at = std::lower_bound(by_key_.begin(), by_key_.end(), range.first(), below);
       at != by_key_.end() && range.contains(rows_[*at].digest.key); ++at) {
    sum.add(rows_[*at].digest);
  }
  return sum;
}

bool SentRows::holds(const SeenRow& row) const {
  const std::uint64_t key = row_key(row.reference, row.step);
  const auto found =
      std::lower_bound(by_key_.begin(), by_key_.end(), key,
                       [this](std::uint32_t place, std::uint64_t k) { return rows_[place].digest.key < k; });
  if (found == by_key_.end() || rows_[*found].digest.key != key) return false;
  const SeenRow own = seen(rows_[*found]);
  const auto money = [](const SeenRow& of) {
    const auto total = of.total ? Decimal::parse(*of.total, Decimal::kDecimals) : Result<Decimal>(Decimal());
    return std::tuple(of.total.has_value() && total.has_value(), total ? *total : Decimal(), of.currency);
  };
  return row.same_as == own.same_as && money(row) == money(own);
}

Result<void> SentRows::for_each_outside(const std::vector<KeyPrefix>& ranges,
                                        const std::function<Result<void>(SeenRow)>& visit) const {
  for (const Row& row : rows_) {
    if (is_in(ranges, row.digest.key)) continue;
    if (auto visited = visit(seen(row)); !visited) return visited.error();
  }
  return ok();
}

SeenRow SentRows::seen(const Row& row) const {
  SeenRow seen;
  seen.reference = document_reference(store_, *row.id);
  seen.step = names_[row.step];
  if (row.total) {
    seen.currency = names_[row.currency];
    seen.total = row.total->text(currency_decimals(*seen.currency).value_or(0));
  }
  seen.type = type_name(row.content->type);
  seen.digest = row.content->digest;
  seen.same_as = row.content->version;
  return seen;
}

}  // namespace tillsync
