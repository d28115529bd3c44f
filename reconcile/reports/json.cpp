#include <utility>

#include "outbox/document/currency.h"
#include "reconcile/reports/report.h"

namespace tillsync {
namespace {

json::Value count_json(std::int64_t count, const Totals& total) {
  return json::Object{{"count", count}, {"total", totals_json(total)}};
}

/// CONTRACT section 5: id, type and sequence always, the rest where it applies.
json::Object finding_json(const Finding& finding) {
  json::Object out{{"id", finding.id},
                   {"type", finding.type ? json::Value(type_name(*finding.type)) : json::Value()},
                   {"sequence", finding.sequence ? json::Value(finding.sequence->value) : json::Value()}};
  if (!finding.step.empty()) out.emplace_back("step", finding.step);
  if (finding.state) out.emplace_back("state", state_name(*finding.state));
  if (!finding.reason.empty()) out.emplace_back("reason", finding.reason);
  return out;
}

json::Value findings_json(const std::vector<Finding>& findings) {
  json::Array out;
  out.reserve(findings.size());
  for (const Finding& finding : findings) out.push_back(finding_json(finding));
  return out;
}

json::Value different_json(const std::vector<DifferentMember>& different) {
  json::Array out;
  out.reserve(different.size());
  for (const DifferentMember& one : different) {
    json::Object entry = finding_json(one.document);
    entry.emplace_back("member", one.member);
    entry.emplace_back("journal", one.journal);
    entry.emplace_back("central", one.central);
    out.push_back(std::move(entry));
  }
  return out;
}

json::Value tenders_json(const std::vector<TenderSum>& tenders) {
  json::Array out;
  for (const TenderSum& tender : tenders) {
    out.push_back(json::Object{{"type", tender.type},
                               {"amount", tender.amount.text(currency_decimals(tender.currency).value_or(2))},
                               {"currency", tender.currency}});
  }
  return out;
}

json::Value close_json(const TillCloseReport& close) {
  return json::Object{
      {"id", close.id},
      {"sequence", close.sequence.value},
      {"terminal", close.terminal},
      {"business_day", close.business_day.text()},
      {"counted", tenders_json(close.counted)},
      {"journal", tenders_json(close.journal)},
      {"difference", tenders_json(close.difference)},
      {"documents",
       json::Object{{"said", close.documents_said ? json::Value(*close.documents_said) : json::Value()},
                    {"journal", close.documents_journal}}},
      {"after_close", close.after_close},
      {"agrees", close.agrees()}};
}

json::Object sums_json(const std::map<DocumentType, TypeSum>& sums) {
  json::Object out;
  for (const auto& [type, sum] : sums) {
    out.emplace_back(std::string(type_name(type)), count_json(sum.count, sum.total));
  }
  return out;
}

json::Value journal_json(const Report& report) {
  json::Array gaps;
  for (const SequenceGap& gap : report.sequence_gaps) {
    gaps.push_back(json::Object{{"terminal", gap.terminal}, {"after", gap.after}, {"before", gap.before}});
  }
  json::Array repeats;
  for (const SequenceRepeat& repeat : report.sequence_repeats) {
    json::Array ids;
    for (const std::string& id : repeat.ids) ids.emplace_back(id);
    repeats.push_back(
        json::Object{{"terminal", repeat.terminal}, {"number", repeat.number}, {"ids", std::move(ids)}});
  }
  json::Array closes;
  for (const TillCloseReport& close : report.till_closes) closes.push_back(close_json(close));
  json::Array lost;
  for (const RecoveredFact& recovery : report.recoveries) {
    for (const PrunedRange& range : recovery.lost) {
      lost.push_back(json::Object{
          {"from", range.from.value}, {"through", range.through.value}, {"aside", recovery.aside}});
    }
  }
  return json::Object{
      {"head", json::Object{{"sequence", report.head.sequence.value}, {"hash", to_hex(report.head.hash)}}},
      {"documents", sums_json(report.documents)},
      {"sequence_gaps", std::move(gaps)},
      {"sequence_repeats", std::move(repeats)},
      {"till_closes", std::move(closes)},
      {"lost", std::move(lost)}};
}

json::Value target_json(const TargetReport& target) {
  const TargetFindings& findings = target.findings;
  return json::Object{
      {"read_back_at", target.read_back_at ? json::Value(format_utc(*target.read_back_at)) : json::Value()},
      {"read_back_is_current", target.read_back_is_current},
      {"journal", count_json(findings.journal_count, findings.journal_total)},
      {"central", count_json(findings.central_count, findings.central_total)},
      {"matched", findings.matched},
      {"unconfirmed", findings.unconfirmed},
      {"not_listed", sums_json(findings.not_listed)},
      {"pending", findings_json(findings.pending)},
      {"quarantined", findings_json(findings.quarantined)},
      {"missing", findings_json(findings.missing)},
      {"unexpected", findings_json(findings.unexpected)},
      {"different", different_json(findings.different)},
      {"discarded", findings_json(findings.discarded)}};
}

json::Value text_or_null(const std::string& text) {
  return text.empty() ? json::Value() : json::Value(text);
}

json::Value conflicts_json(const std::vector<ReportConflict>& conflicts) {
  json::Array out;
  for (const ReportConflict& one : conflicts) {
    out.push_back(json::Object{{"id", one.id},
                               {"document", text_or_null(one.document)},
                               {"kind", one.kind},
                               {"policy", one.policy},
                               {"decision", one.decision},
                               {"decided_by", text_or_null(one.decided_by)},
                               {"at", format_utc(one.at)},
                               {"subject", one.subject},
                               {"explanation", one.explanation},
                               {"store", one.store},
                               {"central", one.central}});
  }
  return out;
}

json::Value decisions_json(const std::vector<JournaledDecision>& decisions) {
  json::Array out;
  for (const JournaledDecision& one : decisions) {
    json::Object entry{{"sequence", one.sequence.value},
                       {"at", format_utc(one.recorded_at)},
                       {"decision", decision_name(one.fact.kind)},
                       {"by", one.fact.by},
                       {"reason", one.fact.reason},
                       {"document", text_or_null(one.document_id)},
                       {"target", one.fact.target}};
    if (!one.fact.delivery.step.empty()) entry.emplace_back("step", one.fact.delivery.step);
    if (!one.fact.imported_from.empty()) entry.emplace_back("imported_from", one.fact.imported_from);
    out.push_back(std::move(entry));
  }
  return out;
}

json::Value text_of(const Decimal& amount, const std::string& currency) {
  return json::Value(amount.text(currency_decimals(currency).value_or(2)));
}

void put_trade(json::Object& out, const TradeSum& sum, const std::string& currency) {
  out.emplace_back("sales_count", sum.sales_count);
  out.emplace_back("sales", text_of(sum.sales, currency));
  out.emplace_back("returns_count", sum.returns_count);
  out.emplace_back("returns", text_of(sum.returns, currency));
  out.emplace_back("net", text_of(sum.net(), currency));
}

json::Value trades_json(const char* name, const std::map<SumKey, TradeSum>& sums) {
  json::Array out;
  for (const auto& [key, sum] : sums) {
    json::Object entry{{name, text_or_null(key.first)}, {"currency", key.second}};
    put_trade(entry, sum, key.second);
    out.push_back(std::move(entry));
  }
  return out;
}

json::Value taxes_json(const std::map<SumKey, TaxSum>& sums) {
  json::Array out;
  for (const auto& [key, sum] : sums) {
    const std::string& currency = key.second;
    out.push_back(json::Object{{"code", text_or_null(key.first)},
                               {"currency", currency},
                               {"lines", sum.turnover.sales_count + sum.turnover.returns_count},
                               {"sales_tax", text_of(sum.tax.sales, currency)},
                               {"returns_tax", text_of(sum.tax.returns, currency)},
                               {"tax", text_of(sum.tax.net(), currency)},
                               {"sales_turnover", text_of(sum.turnover.sales, currency)},
                               {"returns_turnover", text_of(sum.turnover.returns, currency)},
                               {"turnover", text_of(sum.turnover.net(), currency)}});
  }
  return out;
}

json::Value sums_json(const ReportSums& sums) {
  json::Object totals;
  for (const auto& [currency, sum] : sums.totals) {
    json::Object entry;
    put_trade(entry, sum, currency);
    totals.emplace_back(currency, std::move(entry));
  }
  return json::Object{{"totals", std::move(totals)},
                      {"days", trades_json("day", sums.by_day)},
                      {"terminals", trades_json("terminal", sums.by_terminal)},
                      {"tenders", trades_json("tender", sums.by_tender)},
                      {"taxes", taxes_json(sums.by_tax)}};
}

}  // namespace

json::Value totals_json(const Totals& totals) {
  auto value = json::parse(totals_text(totals));
  return value ? *std::move(value) : json::Value(json::Object{});
}

json::Value report_json(const Report& report) {
  json::Object targets;
  for (const TargetReport& target : report.targets) targets.emplace_back(target.name, target_json(target));
  return json::Object{{"store", report.store},
                      {"from", report.from.text()},
                      {"to", report.to.text()},
                      {"generated_at", format_utc(report.generated_at)},
                      {"balanced", report.balanced()},
                      {"journal", journal_json(report)},
                      {"targets", std::move(targets)},
                      {"conflicts", conflicts_json(report.conflicts)},
                      {"decisions", decisions_json(report.decisions)},
                      {"sums", sums_json(report.sums)},
                      {"slo", slo_json(report.slo, report.conflicts, report.slo_aims, report.generated_at)},
                      {"key", text_or_null(report.key_hex)}};
}

}  // namespace tillsync
