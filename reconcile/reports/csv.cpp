#include <array>
#include <string_view>

#include "outbox/document/currency.h"
#include "reconcile/reports/csv_field.h"
#include "reconcile/reports/report.h"

namespace tillsync {
namespace {

enum Column {
  kRecord,
  kTarget,
  kTerminal,
  kId,
  kType,
  kSequence,
  kStep,
  kState,
  kReason,
  kMember,
  kJournal,
  kCentral,
  kCount,
  kCurrency,
  kTotal,
  kDocument,
  kBy,
  kAt,
  kColumns
};
static_assert(kColumns == kReportCsvColumns);
constexpr std::array<std::string_view, kColumns> kHeader = {
    "record", "target",  "terminal", "id",    "type",     "sequence", "step",     "state", "reason",
    "member", "journal", "central",  "count", "currency", "total",    "document", "by",    "at"};

using Row = std::array<std::string, kColumns>;

class Writer {
 public:
  Writer() {
    Row header;
    for (std::size_t i = 0; i < header.size(); ++i) header[i] = kHeader[i];
    add(header);
  }
  void add(const Row& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i != 0) out_ += ',';
      append_csv_field(out_, harmless_csv_field(row[i]));
    }
    out_ += "\r\n";
  }
  /// A row a currency; one without money where there is none.
  void add_sum(Row row, std::int64_t count, const Totals& total) {
    row[kCount] = std::to_string(count);
    if (total.empty()) add(row);
    for (const auto& [currency, amount] : total) {
      row[kCurrency] = currency;
      row[kTotal] = amount.text(currency_decimals(currency).value_or(2));
      add(row);
    }
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

void set_money(Row& row, const Decimal& amount, const std::string& currency) {
  row[kCurrency] = currency;
  row[kTotal] = amount.text(currency_decimals(currency).value_or(2));
}

void add_trade(Writer& writer, Row row, const TradeSum& sum, const std::string& currency) {
  const auto line = [&](const char* what, std::optional<std::int64_t> count, const Decimal& amount) {
    row[kState] = what;
    row[kCount] = count ? std::to_string(*count) : "";
    set_money(row, amount, currency);
    writer.add(row);
  };
  line("sales", sum.sales_count, sum.sales);
  line("returns", sum.returns_count, sum.returns);
  line("net", std::nullopt, sum.net());
}

void add_trades(Writer& writer, const char* record, Column column, const std::map<SumKey, TradeSum>& sums) {
  for (const auto& [key, sum] : sums) {
    Row row;
    row[kRecord] = record;
    row[column] = key.first;
    add_trade(writer, row, sum, key.second);
  }
}

void add_sums(Writer& writer, const ReportSums& sums) {
  for (const auto& [currency, sum] : sums.totals) {
    Row row;
    row[kRecord] = "sum_total";
    add_trade(writer, row, sum, currency);
  }
  add_trades(writer, "sum_day", kId, sums.by_day);
  add_trades(writer, "sum_terminal", kTerminal, sums.by_terminal);
  add_trades(writer, "sum_tender", kMember, sums.by_tender);
  for (const auto& [key, sum] : sums.by_tax) {
    Row row;
    row[kMember] = key.first;
    row[kRecord] = "sum_tax";
    add_trade(writer, row, sum.tax, key.second);
    row[kRecord] = "sum_tax_turnover";
    add_trade(writer, row, sum.turnover, key.second);
  }
}

void add_spans(Writer& writer, const char* record, const std::string& target, const SpanHistogram& spans) {
  Row row;
  row[kRecord] = record;
  row[kTarget] = target;
  row[kState] = "implausible";
  row[kCount] = std::to_string(spans.implausible());
  if (spans.implausible() > 0) writer.add(row);
  row[kCount] = std::to_string(spans.count());
  row[kCurrency] = "s";
  for (const int percent : {50, 95, 99}) {
    const auto value = spans.percentile(percent);
    if (!value) continue;
    row[kState] = "p" + std::to_string(percent);
    row[kTotal] = slo_value_text(SloResult{}, value->count());
    writer.add(row);
  }
}

void add_service(Writer& writer, const Report& report) {
  for (const auto& [name, target] : report.slo.targets)
    add_spans(writer, "sale_to_target", name, target.sale_to_target);
  add_spans(writer, "refund", "", report.slo.refunds);
  for (const SloResult& result :
       slo_results(report.slo, report.conflicts, report.slo_aims, report.generated_at)) {
    Row row;
    row[kRecord] = "slo";
    row[kTarget] = result.target;
    row[kMember] = result.objective;
    row[kState] = !result.met ? "" : *result.met ? "met" : "missed";
    row[kCurrency] = result.is_share() ? "percent" : "s";
    if (result.aim > 0) row[kReason] = "aim " + slo_value_text(result, result.aim);
    if (result.value) row[kTotal] = slo_value_text(result, *result.value);
    writer.add(row);
  }
}

std::string cell(const json::Value& value) {
  if (value.is_null()) return "";
  return value.as_string() != nullptr ? *value.as_string() : json::dump(value);
}

Row row_of(std::string_view record, const std::string& target, const Finding& finding) {
  Row row;
  row[kRecord] = record;
  row[kTarget] = target;
  row[kId] = finding.id;
  if (finding.type) row[kType] = type_name(*finding.type);
  if (finding.sequence) row[kSequence] = std::to_string(finding.sequence->value);
  row[kStep] = finding.step;
  if (finding.state) row[kState] = state_name(*finding.state);
  row[kReason] = finding.reason;
  return row;
}

void add_journal(Writer& writer, const Report& report) {
  for (const auto& [type, sum] : report.documents) {
    Row row;
    row[kRecord] = "documents";
    row[kType] = type_name(type);
    writer.add_sum(row, sum.count, sum.total);
  }
  for (const SequenceGap& gap : report.sequence_gaps) {
    Row row;
    row[kRecord] = "sequence_gap";
    row[kTerminal] = gap.terminal;
    row[kReason] = "after " + std::to_string(gap.after) + ", before " + std::to_string(gap.before);
    writer.add(row);
  }
  for (const SequenceRepeat& repeat : report.sequence_repeats) {
    for (const std::string& id : repeat.ids) {
      Row row;
      row[kRecord] = "sequence_repeat";
      row[kTerminal] = repeat.terminal;
      row[kId] = id;
      row[kReason] = "number " + std::to_string(repeat.number);
      writer.add(row);
    }
  }
}

void add_close(Writer& writer, const TillCloseReport& close) {
  Row row;
  row[kRecord] = "till_close";
  row[kTerminal] = close.terminal;
  row[kId] = close.id;
  row[kType] = type_name(DocumentType::kTillClose);
  row[kSequence] = std::to_string(close.sequence.value);
  row[kState] = close.agrees() ? "agrees" : "differs";
  row[kCount] = std::to_string(close.documents_journal);
  if (close.documents_said)
    row[kReason] = "the till said " + std::to_string(*close.documents_said) + " documents";
  writer.add(row);
  row[kRecord] = "till_close_after";
  row[kReason] = "documents that came after the close";
  row[kCount] = std::to_string(close.after_close);
  writer.add(row);
  const std::pair<std::string_view, const std::vector<TenderSum>*> lists[] = {
      {"till_close_counted", &close.counted},
      {"till_close_journal", &close.journal},
      {"till_close_difference", &close.difference}};
  for (const auto& [record, tenders] : lists) {
    for (const TenderSum& tender : *tenders) {
      Row line;
      line[kRecord] = record;
      line[kTerminal] = close.terminal;
      line[kId] = close.id;
      line[kMember] = tender.type;
      line[kCurrency] = tender.currency;
      line[kTotal] = tender.amount.text(currency_decimals(tender.currency).value_or(2));
      writer.add(line);
    }
  }
}

void add_target(Writer& writer, const TargetReport& target) {
  const TargetFindings& findings = target.findings;
  Row row;
  row[kTarget] = target.name;
  row[kRecord] = "read_back";
  row[kState] = !target.read_back_at ? "never" : target.read_back_is_current ? "current" : "old";
  if (target.read_back_at) row[kReason] = format_utc(*target.read_back_at);
  writer.add(row);
  row[kState].clear();
  row[kReason].clear();
  row[kRecord] = "journal";
  writer.add_sum(row, findings.journal_count, findings.journal_total);
  row[kRecord] = "central";
  writer.add_sum(row, findings.central_count, findings.central_total);
  row[kRecord] = "matched";
  writer.add_sum(row, findings.matched, {});
  row[kRecord] = "unconfirmed";
  writer.add_sum(row, findings.unconfirmed, {});
  row[kRecord] = "not_listed";
  for (const auto& [type, sum] : findings.not_listed) {
    row[kType] = type_name(type);
    writer.add_sum(row, sum.count, sum.total);
  }
  const std::pair<std::string_view, const std::vector<Finding>*> lists[] = {
      {"pending", &findings.pending},
      {"quarantined", &findings.quarantined},
      {"missing", &findings.missing},
      {"unexpected", &findings.unexpected},
      {"discarded", &findings.discarded}};
  for (const auto& [record, list] : lists) {
    for (const Finding& finding : *list) writer.add(row_of(record, target.name, finding));
  }
  for (const DifferentMember& one : findings.different) {
    Row line = row_of("different", target.name, one.document);
    line[kMember] = one.member;
    line[kJournal] = cell(one.journal);
    line[kCentral] = cell(one.central);
    writer.add(line);
  }
}

void add_people(Writer& writer, const Report& report) {
  for (const ReportConflict& one : report.conflicts) {
    Row row;
    row[kRecord] = "conflict";
    row[kId] = one.id;
    row[kType] = one.kind;
    row[kMember] = one.subject;
    row[kState] = one.decision;
    row[kReason] = one.explanation;
    row[kStep] = one.policy;
    row[kJournal] = cell(one.store);
    row[kCentral] = cell(one.central);
    row[kDocument] = one.document;
    row[kBy] = one.decided_by;
    row[kAt] = format_utc(one.at);
    writer.add(row);
  }
  for (const JournaledDecision& one : report.decisions) {
    Row row;
    row[kRecord] = "decision";
    row[kTarget] = one.fact.target;
    row[kSequence] = std::to_string(one.sequence.value);
    row[kStep] = one.fact.delivery.step;
    row[kState] = decision_name(one.fact.kind);
    row[kReason] = one.fact.reason;
    row[kDocument] = one.document_id;
    row[kBy] = one.fact.by;
    row[kAt] = format_utc(one.recorded_at);
    writer.add(row);
  }
}

}  // namespace

std::string report_csv(const Report& report) {
  Writer writer;
  Row row;
  row[kRecord] = "report";
  row[kId] = report.store;
  row[kState] = report.balanced() ? "balanced" : "not balanced";
  row[kReason] = report.from.text() + " to " + report.to.text() + ", made " + format_utc(report.generated_at);
  row[kSequence] = std::to_string(report.head.sequence.value);
  writer.add(row);
  add_journal(writer, report);
  for (const TillCloseReport& close : report.till_closes) add_close(writer, close);
  for (const TargetReport& target : report.targets) add_target(writer, target);
  add_sums(writer, report.sums);
  add_service(writer, report);
  add_people(writer, report);
  return writer.take();
}

}  // namespace tillsync
