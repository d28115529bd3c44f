#include "reconcile/reports/till_closes.h"

#include <variant>

namespace tillsync {
namespace {

std::vector<TenderSum> list_of(const std::map<std::pair<std::string, std::string>, Decimal>& sums) {
  std::vector<TenderSum> list;
  for (const auto& [key, amount] : sums) list.push_back({key.first, key.second, amount});
  return list;
}

}  // namespace

void TillCloses::add(const StoredDocument& stored) {
  const Document& document = stored.document;
  Terminal& terminal = terminals_[document.terminal];
  if (const auto* close = std::get_if<TillClose>(&document.content)) {
    Close& entry = closes_.emplace_back();
    entry.report.id = document.id;
    entry.report.sequence = stored.sequence;
    entry.report.terminal = document.terminal;
    entry.report.business_day = document.business_day;
    entry.report.documents_said = close->documents;
    entry.report.after_close = -terminal.documents;  // completed when the day is
    for (const Tender& tender : close->tenders)
      entry.counted[{tender.type, document.currency}] += tender.amount;
    return;
  }
  ++terminal.documents;
  const auto* trade = std::get_if<Trade>(&document.content);
  if (trade == nullptr) return;
  for (const Tender& tender : trade->tenders) {
    Decimal& sum = terminal.tenders[{tender.type, document.currency}];
    if (document.type == DocumentType::kReturn) {
      sum -= tender.amount;
    } else {
      sum += tender.amount;
    }
  }
}

std::vector<TillCloseReport> TillCloses::finish() {
  std::vector<TillCloseReport> reports;
  for (Close& close : closes_) {
    TillCloseReport& report = close.report;
    const Terminal& terminal = terminals_[report.terminal];
    report.documents_journal = terminal.documents;
    report.after_close += terminal.documents;
    report.counted = list_of(close.counted);
    report.journal = list_of(terminal.tenders);
    Sums difference = close.counted;
    for (const auto& [key, amount] : terminal.tenders) difference[key] -= amount;
    std::erase_if(difference, [](const auto& entry) { return entry.second.is_zero(); });
    report.difference = list_of(difference);
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace tillsync
