#include "reconcile/matching/day_matcher.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "outbox/document/currency.h"
#include "platform/base/check.h"
#include "reconcile/central_view/reference.h"
#include "reconcile/matching/difference.h"

namespace tillsync {
namespace {

/// Place of `text` in `names`, added where it is new. A hostile target may name as many as it likes: all
/// beyond the limit share the last place.
std::uint16_t intern(std::vector<std::string>& names, std::string_view text) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found != names.end()) return static_cast<std::uint16_t>(found - names.begin());
  constexpr std::size_t kNamesMax = 1000;
  if (names.size() == kNamesMax) return kNamesMax - 1;
  names.emplace_back(text);
  return static_cast<std::uint16_t>(names.size() - 1);
}

std::uint64_t hash_of(std::string_view text) {
  return std::hash<std::string_view>{}(text);
}

int decimals_of(std::string_view currency) {
  return currency_decimals(currency).value_or(2);
}

Finding finding_of(const PlannedDelivery& planned, std::string_view reason, bool with_state) {
  Finding finding;
  finding.id = planned.id;
  finding.type = planned.type;
  finding.sequence = planned.sequence;
  finding.step = planned.step;
  if (with_state) finding.state = planned.state;
  finding.reason = reason;
  return finding;
}

json::Value text_or_null(const std::optional<std::string>& text) {
  return text ? json::Value(*text) : json::Value();
}

}  // namespace

void add_net(Totals& totals, const std::string& currency, DocumentType type, const Decimal& amount) {
  Decimal& sum = totals[currency];
  if (type == DocumentType::kReturn) {
    sum -= amount;
  } else {
    sum += amount;
  }
}

void DayMatcher::add(const SeenRow& seen) {
  Row row;
  TILLSYNC_CHECK(texts_.size() + seen.reference.size() <= std::numeric_limits<std::uint32_t>::max(),
                 "rows_max of a read-back and the cut of a row's texts bound this");
  row.reference_at = static_cast<std::uint32_t>(texts_.size());
  row.reference_size = static_cast<std::uint16_t>(seen.reference.size());
  texts_ += seen.reference;
  row.step = intern(steps_, seen.step);
  row.occurrence = seen.occurrence;
  row.central_reference_hash = hash_of(seen.central_reference);
  row.type = type_from_name(seen.type);
  if (seen.currency) row.currency = intern(currencies_, *seen.currency);
  if (seen.total) {
    const auto total = Decimal::parse(*seen.total, Decimal::kDecimals);
    row.has_total = total.has_value();
    row.unreadable_total = !total.has_value();
    if (total) row.total = *total;
  }
  row.has_digest = seen.digest.has_value();
  if (seen.digest) row.digest = *seen.digest;
  row.same_as = seen.same_as.value_or(Sequence{});
  rows_.push_back(row);
}

std::pair<std::vector<DayMatcher::Row>::iterator, std::vector<DayMatcher::Row>::iterator> DayMatcher::rows_of(
    std::string_view reference, std::string_view step) {
  const auto key = std::pair(reference, step);
  const auto key_of = [this](const Row& row) {
    return std::pair(reference_of(row), std::string_view(steps_[row.step]));
  };
  const auto first =
      std::lower_bound(rows_.begin(), rows_.end(), key,
                       [&](const Row& row, const auto& wanted) { return key_of(row) < wanted; });
  auto last = first;
  while (last != rows_.end() && key_of(*last) == key) ++last;
  return {first, last};
}

Result<void> DayMatcher::match(const PlannedDelivery& planned, DeliveryProbe& probe, TargetFindings& out) {
  if (planned.state != DeliveryState::kDiscarded) {
    ++out.journal_count;
    if (planned.total)
      add_net(out.journal_total, std::string(planned.currency), planned.type, *planned.total);
  }
  const auto [first, last] = rows_of(document_reference(store_, planned.id), planned.step);
  auto chosen = first;
  if (last - first > 1) {
    auto called = probe.central_reference();
    if (!called) return called.error();
    const auto own = std::find_if(first, last, [hash = hash_of(*called)](const Row& row) {
      return row.central_reference_hash == hash;
    });
    if (!called->empty() && own != last) chosen = own;
  }
  for (auto row = first; row != last; ++row) {
    row->taken = true;
    row->type = planned.type;
    if (row == chosen) continue;
    out.unexpected.push_back(finding_of(planned, "doubled", true));
  }
  const bool at_central = first != last;
  switch (planned.state) {
    case DeliveryState::kPending:
    case DeliveryState::kRetrying:
    case DeliveryState::kUnknown:
      out.pending.push_back(finding_of(
          planned, at_central ? "central has it already; not confirmed yet" : planned.last_error, true));
      return ok();
    case DeliveryState::kQuarantined:
      out.quarantined.push_back(finding_of(planned, planned.last_error, true));
      if (at_central) {
        out.unexpected.push_back(finding_of(planned, "central has it, though it is quarantined here", true));
      }
      return ok();
    case DeliveryState::kDiscarded:
      out.discarded.push_back(finding_of(planned, "", true));
      if (at_central) {
        out.unexpected.push_back(finding_of(planned, "central has it, though it was discarded here", true));
      }
      return ok();
    case DeliveryState::kDelivered:
      break;
  }
  if (at_central) return compare(planned, *chosen, probe, out);
  if (listed_ && !listed_->contains(planned.type)) {
    TypeSum& sum = out.not_listed[planned.type];
    ++sum.count;
    if (planned.total) add_net(sum.total, std::string(planned.currency), planned.type, *planned.total);
    return ok();
  }
  auto newer = probe.newer_than_read_back();
  if (!newer) return newer.error();
  if (*newer) {
    ++out.unconfirmed;
  } else {
    out.missing.push_back(finding_of(planned, "delivered, but not in central's list", true));
  }
  return ok();
}

bool DayMatcher::same_amount(const PlannedDelivery& planned, const Row& row) const {
  if (row.unreadable_total || planned.total.has_value() != row.has_total) return false;
  if (!planned.total || *planned.total == row.total) return true;
  return !planned.total_given_by_till && row.total == planned.total->rounded(decimals_of(planned.currency));
}

bool DayMatcher::same_money(const PlannedDelivery& planned, const Row& row) const {
  return same_amount(planned, row) && (!planned.total || currencies_[row.currency] == planned.currency);
}

Result<void> DayMatcher::compare(const PlannedDelivery& planned, const Row& row, DeliveryProbe& probe,
                                 TargetFindings& out) const {
  const bool money = same_money(planned, row);
  bool document = true;
  const bool known_to_be_same = row.same_as.value > 0 && row.same_as == planned.version;
  if (row.has_digest && !known_to_be_same) {
    auto digest = probe.digest();
    if (!digest) return digest.error();
    document = *digest == row.digest;
  }
  if (money && document) {
    ++out.matched;
    return ok();
  }
  auto newer = probe.newer_than_read_back();
  if (!newer) return newer.error();
  if (*newer) {
    ++out.unconfirmed;
    return ok();
  }
  auto fetched = fetch_(std::string(reference_of(row)), steps_[row.step], row.occurrence);
  if (!fetched) return fetched.error();
  const SeenRow* const whole = *fetched ? &**fetched : nullptr;
  std::vector<DifferentMember> found;
  if (!money) compare_money(planned, row, whole, found);
  if (!document) {
    const Differences differences = decode_differences(whole == nullptr ? "" : whole->differences);
    for (const Difference& difference : differences.list) {
      const bool told = std::any_of(found.begin(), found.end(), [&](const DifferentMember& other) {
        return other.member == difference.member && other.central == difference.central;
      });
      if (!told)
        found.push_back(
            {finding_of(planned, "", false), difference.member, difference.journal, difference.central});
    }
    if (differences.more > 0) {
      found.push_back({finding_of(planned, std::to_string(differences.more) + " more members differ", false),
                       "", json::Value(), json::Value()});
    }
  }
  if (found.empty()) {
    found.push_back(
        {finding_of(planned, "central's document is another one; read central back again for its members",
                    false),
         "", json::Value(), json::Value()});
  }
  std::move(found.begin(), found.end(), std::back_inserter(out.different));
  return ok();
}

void DayMatcher::compare_money(const PlannedDelivery& planned, const Row& row, const SeenRow* whole,
                               std::vector<DifferentMember>& found) const {
  const bool currency_differs =
      planned.total && row.has_total && currencies_[row.currency] != planned.currency;
  if (!same_amount(planned, row)) {
    json::Value journal;
    if (planned.total) journal = planned.total->text(decimals_of(planned.currency));
    json::Value central;
    if (whole != nullptr) {
      central = text_or_null(whole->total);
    } else if (row.has_total) {
      central = row.total.text();
    }
    found.push_back({finding_of(planned, "", false), "/total", std::move(journal), std::move(central)});
  }
  if (currency_differs) {
    json::Value central;
    if (row.currency != 0) central = currencies_[row.currency];
    found.push_back(
        {finding_of(planned, "", false), "/currency", std::string(planned.currency), std::move(central)});
  }
}

Result<Finding> DayMatcher::stray(const Row& row, const LookUp& look_up, int& look_ups) const {
  Finding finding;
  finding.id = reference_of(row);
  finding.type = row.type;
  finding.step = steps_[row.step];
  const auto id = document_id_of(reference_of(row), store_);
  if (!id) {
    finding.reason = "no document of this store has such a reference";
    return finding;
  }
  finding.id = *id;
  if (look_ups++ >= kLookUpsMax) {
    finding.reason = "no delivery of this day to this target";
    return finding;
  }
  auto known = look_up(finding.id);
  if (!known) return known.error();
  if (!*known) {
    finding.reason = "the journal has no such document";
    return finding;
  }
  finding.sequence = (*known)->sequence;
  finding.type = (*known)->type;
  finding.reason = (*known)->business_day == day_
                       ? "the journal plans no such step for this target"
                       : "the journal has it on business day " + (*known)->business_day.text();
  return finding;
}

Result<void> DayMatcher::finish(const LookUp& look_up, TargetFindings& out) {
  int look_ups = 0;
  const Row* previous = nullptr;
  for (Row& row : rows_) {
    if (!row.taken) {
      auto finding = stray(row, look_up, look_ups);
      if (!finding) return finding.error();
      row.type = finding->type;
      const bool again =
          previous != nullptr && reference_of(*previous) == reference_of(row) && previous->step == row.step;
      if (again) finding->reason += "; doubled";
      out.unexpected.push_back(std::move(*finding));
    }
    ++out.central_count;
    if (row.has_total) {
      add_net(out.central_total, currencies_[row.currency], row.type.value_or(DocumentType::kSale),
              row.total);
    }
    previous = &row;
  }
  return ok();
}

}  // namespace tillsync
