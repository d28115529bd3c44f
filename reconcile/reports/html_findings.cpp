// What a report's page says of the targets, of people's decisions, and of the service.
#include "reconcile/reports/html_page.h"

namespace tillsync {
namespace {

std::string plain(const json::Value& value) {
  if (value.is_null()) return "-";
  return value.as_string() != nullptr ? *value.as_string() : json::dump(value);
}

std::string type_of(const Finding& finding) {
  return finding.type ? std::string(type_name(*finding.type)) : "";
}

std::string sequence_of(const Finding& finding) {
  return finding.sequence ? std::to_string(finding.sequence->value) : "";
}

void add_findings(HtmlPage& page, std::string_view title, const std::vector<Finding>& list) {
  if (list.empty()) return;
  page.raw("<h4>").text(title).raw(" (").text(std::to_string(list.size())).raw(")</h4>\n");
  HtmlTable table(page, {"document", "type", "#record", "step", "state", "why"});
  for (const Finding& finding : list) {
    table.row({finding.id, type_of(finding), sequence_of(finding), finding.step,
               finding.state ? state_name(*finding.state) : std::string_view(), finding.reason});
  }
}

void add_different(HtmlPage& page, const std::vector<DifferentMember>& list) {
  if (list.empty()) return;
  page.raw("<h4>Different (").text(std::to_string(list.size())).raw(")</h4>\n");
  HtmlTable table(page, {"document", "type", "#record", "member", "journal", "central", "note"});
  for (const DifferentMember& one : list) {
    table.row({one.document.id, type_of(one.document), sequence_of(one.document), one.member,
               plain(one.journal), plain(one.central), one.document.reason});
  }
}

std::string read_back_text(const TargetReport& target) {
  if (!target.read_back_at) return "not for all its days";
  return format_utc(*target.read_back_at) +
         (target.read_back_is_current ? "" : "; deliveries came after that");
}

void add_overview(HtmlPage& page, const Report& report) {
  HtmlTable table(
      page, {"target", "#journal", "#net", "#central", "#net", "#matched", "#not confirmed", "read back"});
  for (const TargetReport& target : report.targets) {
    const TargetFindings& findings = target.findings;
    table.row(
        {target.name, std::to_string(findings.journal_count), html_money(findings.journal_total),
         std::to_string(findings.central_count), html_money(findings.central_total),
         std::to_string(findings.matched), std::to_string(findings.unconfirmed), read_back_text(target)},
        findings.clean() && target.read_back_is_current ? "" : "bad");
  }
}

void add_target(HtmlPage& page, const TargetReport& target) {
  const TargetFindings& findings = target.findings;
  if (findings.clean() && findings.discarded.empty() && findings.not_listed.empty()) return;
  page.element("h3", target.name).raw("\n");
  if (!findings.not_listed.empty()) {
    page.note("Not listed: the target took these, and has no list to compare them with.");
    HtmlTable table(page, {"", "#count", "#total (net)"});
    for (const auto& [type, sum] : findings.not_listed) {
      table.row(
          {"not listed: " + std::string(type_name(type)), std::to_string(sum.count), html_money(sum.total)});
    }
  }
  add_findings(page, "Missing at central", findings.missing);
  add_findings(page, "Unexpected at central", findings.unexpected);
  add_different(page, findings.different);
  add_findings(page, "Quarantined: a person is needed", findings.quarantined);
  add_findings(page, "Pending: not delivered yet", findings.pending);
  add_findings(page, "Discarded by a person", findings.discarded);
}

/// What one side held, for a reader: "city Leeds, version 17".
std::string facts(const json::Value& value) {
  if (value.as_object() == nullptr) return plain(value);
  std::string out;
  for (const auto& [name, member] : *value.as_object())
    out += (out.empty() ? "" : ", ") + name + " " + plain(member);
  return out.empty() ? "-" : out;
}

std::string decision_of(const ReportConflict& conflict) {
  if (conflict.is_open()) return "open since " + format_utc(conflict.at);
  return conflict.decision + (conflict.decided_by.empty() ? "" : ", by " + conflict.decided_by) + ", " +
         format_utc(conflict.at);
}

void add_conflicts(HtmlPage& page, const std::vector<ReportConflict>& conflicts) {
  if (conflicts.empty()) return;
  page.raw("<h3>Conflicts (").text(std::to_string(conflicts.size())).raw(")</h3>\n");
  HtmlTable table(page, {"conflict", "what", "document", "store", "central", "decision"});
  for (const ReportConflict& one : conflicts) {
    table.row({one.kind + (one.subject.empty() ? "" : ": " + one.subject),
               one.explanation + (one.policy.empty() ? "" : ". Policy: " + one.policy), one.document,
               facts(one.store), facts(one.central), decision_of(one)},
              one.is_open() ? "bad" : "");
  }
}

void add_decisions(HtmlPage& page, const std::vector<JournaledDecision>& decisions) {
  if (decisions.empty()) return;
  page.raw("<h3>Decisions (").text(std::to_string(decisions.size())).raw(")</h3>\n");
  HtmlTable table(page, {"when", "who", "decision", "document", "target", "why"});
  for (const JournaledDecision& one : decisions) {
    table.row({format_utc(one.recorded_at), one.fact.by, decision_name(one.fact.kind), one.document_id,
               one.fact.target, one.fact.reason});
  }
}

std::string seconds(std::optional<std::chrono::milliseconds> span) {
  if (!span) return "-";
  return slo_value_text(SloResult{}, span->count()) + " s";
}

void add_spans(HtmlTable& table, const std::string& what, const SpanHistogram& spans) {
  table.row({what, std::to_string(spans.count()), seconds(spans.percentile(50)),
             seconds(spans.percentile(95)), seconds(spans.percentile(99)),
             std::to_string(spans.implausible())});
}

std::string objective_name(const SloResult& result) {
  if (result.objective == "sale_to_erp_p95") return "sale to " + result.target + ", 95 of 100 within";
  if (result.objective == "oldest_sale") return "oldest sale not at " + result.target;
  if (result.objective == "refund_p95") return "refund complete, 95 of 100 within";
  return "customer changes without an open clash";
}

}  // namespace

void add_html_targets(HtmlPage& page, const Report& report) {
  if (report.targets.empty()) return;
  page.element("h2", "Central against the journal").raw("\n");
  add_overview(page, report);
  for (const TargetReport& target : report.targets) add_target(page, target);
}

void add_html_people(HtmlPage& page, const Report& report) {
  if (report.conflicts.empty() && report.decisions.empty()) return;
  page.element("h2", "Conflicts and decisions").raw("\n");
  add_conflicts(page, report.conflicts);
  add_decisions(page, report.decisions);
}

void add_html_service(HtmlPage& page, const Report& report) {
  page.element("h2", "Backlog and service").raw("\n");
  const auto results = slo_results(report.slo, report.conflicts, report.slo_aims, report.generated_at);
  {
    HtmlTable table(page, {"objective", "#value", "#aim", "met"});
    for (const SloResult& result : results) {
      const char* unit = result.is_share() ? " %" : " s";
      table.row({objective_name(result), result.value ? slo_value_text(result, *result.value) + unit : "-",
                 result.aim > 0 ? slo_value_text(result, result.aim) + unit : "-",
                 !result.met   ? "-"
                 : *result.met ? "yes"
                               : "no"},
                result.met.value_or(true) ? "" : "bad");
    }
  }
  {
    HtmlTable table(page,
                    {"time from the till to", "#documents", "#50 %", "#95 %", "#99 %", "#not plausible"});
    for (const auto& [name, target] : report.slo.targets) add_spans(table, name, target.sale_to_target);
    add_spans(table, "refund complete everywhere", report.slo.refunds);
  }
  HtmlTable table(page, {"backlog of the period", "#pending", "#quarantined", "oldest sale"});
  for (const TargetReport& target : report.targets) {
    const auto known = report.slo.targets.find(target.name);
    const bool waits = known != report.slo.targets.end() && known->second.oldest_sale.has_value();
    table.row({target.name, std::to_string(target.findings.pending.size()),
               std::to_string(target.findings.quarantined.size()),
               waits ? known->second.oldest_sale->id + ", recorded " +
                           format_utc(known->second.oldest_sale->recorded_at)
                     : "-"});
  }
}

}  // namespace tillsync
