#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <variant>

#include "outbox/document/canonical.h"
#include "reconcile/matching/day_matcher.h"
#include "reconcile/reports/report.h"

namespace tillsync {
namespace {

/// The costly questions about one delivery, answered from the journal.
class Probe final : public DeliveryProbe {
 public:
  Probe(ReportJournal& journal, const Document& document, DeliveryKey key,
        const std::optional<ReadBackMark>& mark, std::optional<Sha256Digest>& digest)
      : journal_(journal), document_(document), key_(std::move(key)), mark_(mark), digest_(digest) {}

  Result<Sha256Digest> digest() override {
    if (!digest_) digest_ = content_digest(document_);
    return *digest_;
  }
  Result<std::string> central_reference() override { return journal_.central_reference(key_); }
  Result<bool> newer_than_read_back() override {
    if (!mark_ || key_.document > mark_->journal_sequence) return true;
    auto delivered = journal_.delivered_at(key_);
    if (!delivered) return delivered.error();
    return *delivered > mark_->journal_sequence;
  }

 private:
  ReportJournal& journal_;
  const Document& document_;
  const DeliveryKey key_;
  const std::optional<ReadBackMark>& mark_;
  std::optional<Sha256Digest>& digest_;  ///< of the document, shared by its deliveries
};

class Builder {
 public:
  Builder(ReportJournal& journal, CentralView& view, const ReportQuery& query)
      : journal_(journal), view_(view), query_(query) {
    for (const std::string& name : query.targets) target(name);
  }

  Result<Report> build();

 private:
  /// One target on the day at hand.
  struct DayOfTarget {
    std::optional<ReadBackMark> mark;
    std::unique_ptr<DayMatcher> matcher;
    bool planned = false;
  };

  std::size_t target(const std::string& name);
  Result<DayOfTarget*> day_of(std::size_t target, BusinessDay day);
  Result<void> day(BusinessDay day);
  Result<void> document(BusinessDay day, const DayDocument& document);
  Result<void> delivery(BusinessDay day, const StoredDocument& posted, const DeliveryView& delivery,
                        std::optional<Sha256Digest>& digest);
  Result<void> finish_day(BusinessDay day);
  void count(const StoredDocument& stored);
  Result<void> list_repeats();

  ReportJournal& journal_;
  CentralView& view_;
  const ReportQuery& query_;
  Report report_;
  std::map<std::string, std::size_t> targets_;  ///< place in report_.targets
  std::map<std::size_t, DayOfTarget> today_;
  std::set<std::size_t> never_read_;  ///< targets with a planned day that was never read back
  TerminalNumbers numbers_;
  std::set<std::pair<std::string, std::int64_t>> repeated_;
  TillCloses closes_;
  std::vector<BusinessDay> documented_;
};

std::size_t Builder::target(const std::string& name) {
  const auto [entry, added] = targets_.emplace(name, report_.targets.size());
  if (added) report_.targets.push_back(TargetReport{.name = name});
  return entry->second;
}

Result<Builder::DayOfTarget*> Builder::day_of(std::size_t target, BusinessDay day) {
  const auto [entry, added] = today_.try_emplace(target);
  DayOfTarget& today = entry->second;
  if (!added) return &today;
  const std::string name = report_.targets[target].name;
  auto mark = view_.mark(name, day);
  if (!mark) return mark.error();
  today.mark = *mark;
  today.matcher = std::make_unique<DayMatcher>(
      query_.store, day,
      [this, name, day](const std::string& reference, const std::string& step, int occurrence) {
        return view_.find(name, day, reference, step, occurrence);
      },
      today.mark ? today.mark->listed : std::nullopt);
  auto rows = view_.for_each_row(name, day, [&](const SeenRow& row) { today.matcher->add(row); });
  if (!rows) return rows.error();
  return &today;
}

void Builder::count(const StoredDocument& stored) {
  const Document& document = stored.document;
  report_.sums.add(document);
  book(report_.accounts, document);
  TypeSum& sum = report_.documents[document.type];
  ++sum.count;
  if (const auto total = document_total(document)) sum.total[document.currency] += *total;
  if (document.terminal_sequence && !numbers_.add(document.terminal, *document.terminal_sequence) &&
      repeated_.size() < kSequenceRepeatsMax) {
    repeated_.emplace(document.terminal, *document.terminal_sequence);
  }
  closes_.add(stored);
}

Result<void> Builder::delivery(BusinessDay day, const StoredDocument& posted, const DeliveryView& delivery,
                               std::optional<Sha256Digest>& digest) {
  auto today = day_of(target(delivery.target), day);
  if (!today) return today.error();
  (*today)->planned = true;
  std::optional<StoredDocument> amended;
  std::optional<Sha256Digest> amended_digest;
  if (delivery.version) {
    auto version = journal_.load_version(DeliveryKey{posted.sequence, delivery.step});
    if (!version) return version.error();
    amended = std::move(*version);
  }
  const Document& sent = amended ? amended->document : posted.document;
  PlannedDelivery planned;
  planned.id = posted.document.id;
  planned.type = sent.type;
  planned.sequence = posted.sequence;
  planned.version = delivery.version.value_or(posted.sequence);
  planned.step = delivery.step;
  planned.state = delivery.state;
  planned.last_error = delivery.last_error;
  planned.currency = sent.currency;
  planned.total = document_total(sent);
  const auto* trade = std::get_if<Trade>(&sent.content);
  planned.total_given_by_till = trade != nullptr && trade->total.has_value();
  Probe probe(journal_, sent, DeliveryKey{posted.sequence, delivery.step}, (*today)->mark,
              amended ? amended_digest : digest);
  return (*today)->matcher->match(planned, probe, report_.targets[target(delivery.target)].findings);
}

Result<void> Builder::document(BusinessDay day, const DayDocument& document) {
  count(document.stored);
  report_.slo.add(document);
  std::optional<Sha256Digest> digest;
  for (const DeliveryView& one : document.deliveries) {
    if (auto matched = delivery(day, document.stored, one, digest); !matched) return matched.error();
  }
  return ok();
}

Result<void> Builder::finish_day(BusinessDay day) {
  for (auto& [place, today] : today_) {
    TargetReport& target = report_.targets[place];
    auto finished = today.matcher->finish(
        [&](const std::string& id) -> Result<std::optional<KnownDocument>> {
          auto found = journal_.find(id);
          if (!found) return found.error();
          if (!*found) return std::optional<KnownDocument>();
          const StoredDocument& stored = **found;
          return std::optional<KnownDocument>(
              KnownDocument{stored.sequence, stored.document.type, stored.document.business_day});
        },
        target.findings);
    if (!finished) return finished.error();
    // Asked last: a delivery that came meanwhile makes the read-back old, never the other way round.
    auto last = journal_.last_delivery(day, target.name);
    if (!last) return last.error();
    if (last->value > 0 && (!today.mark || today.mark->journal_sequence < *last))
      target.read_back_is_current = false;
    if (today.mark) {
      target.read_back_at =
          std::min(target.read_back_at.value_or(today.mark->read_back_at), today.mark->read_back_at);
    } else if (today.planned) {
      never_read_.insert(place);
    }
  }
  return ok();
}

Result<void> Builder::day(BusinessDay day) {
  today_.clear();
  closes_ = TillCloses();
  for (const std::string& name : query_.targets) {
    if (auto today = day_of(target(name), day); !today) return today.error();
  }
  if (std::binary_search(documented_.begin(), documented_.end(), day)) {
    Result<void> matched = ok();
    auto read = journal_.for_each_document(day, [&](const DayDocument& one) {
      matched = document(day, one);
      return matched.has_value();
    });
    if (!read) return read.error();
    if (!matched) return matched.error();
  }
  std::vector<TillCloseReport> closes = closes_.finish();
  std::move(closes.begin(), closes.end(), std::back_inserter(report_.till_closes));
  return finish_day(day);
}

/// A second walk, only where a number came twice: the first keeps numbers, not ids.
Result<void> Builder::list_repeats() {
  if (repeated_.empty()) return ok();
  std::map<std::pair<std::string, std::int64_t>, std::vector<std::string>> ids;
  for (const BusinessDay day : documented_) {
    auto read = journal_.for_each_document(day, [&](const DayDocument& one) {
      const Document& document = one.stored.document;
      if (!document.terminal_sequence) return true;
      const std::pair key(document.terminal, *document.terminal_sequence);
      if (repeated_.contains(key)) ids[key].push_back(document.id);
      return true;
    });
    if (!read) return read.error();
  }
  for (auto& [key, list] : ids) report_.sequence_repeats.push_back({key.first, key.second, std::move(list)});
  return ok();
}

Result<Report> Builder::build() {
  report_.store = query_.store;
  report_.from = query_.from;
  report_.to = query_.to;
  report_.generated_at = query_.generated_at;
  report_.slo_aims = query_.slo;
  // The view first: what the journal learns meanwhile then counts as not yet read back, never as missing.
  auto snapshot = view_.snapshot();
  if (!snapshot) return snapshot.error();
  auto head = journal_.head();
  if (!head) return head.error();
  report_.head = *head;
  auto documented = journal_.business_days(query_.from, query_.to);
  if (!documented) return documented.error();
  documented_ = std::move(*documented);
  std::set<BusinessDay> days(documented_.begin(), documented_.end());
  for (const std::string& name : query_.targets) {
    auto marks = view_.marks(name, query_.from, query_.to);
    if (!marks) return marks.error();
    for (const ReadBackMark& mark : *marks) days.insert(mark.day);
  }
  for (const BusinessDay one : days) {
    if (auto done = day(one); !done) return done.error();
  }
  for (const std::size_t place : never_read_) report_.targets[place].read_back_at.reset();
  report_.sequence_gaps = numbers_.gaps();
  if (auto listed = list_repeats(); !listed) return listed.error();
  return std::move(report_);
}

}  // namespace

ReportConflict report_conflict(ConflictView conflict) {
  ReportConflict told;
  told.id = std::to_string(conflict.record.value);
  told.decision = conflict.is_open() ? "open" : conflict.decision();
  told.at = conflict.decided_at();
  told.decided_by = conflict.decided_by();
  auto& fact = conflict.fact;
  told.document = std::move(fact.document_id);
  told.kind = std::move(fact.kind);
  told.subject = std::move(fact.subject);
  told.policy = std::move(fact.policy);
  told.explanation = std::move(fact.explanation);
  told.store = std::move(fact.store);
  told.central = std::move(fact.central);
  return told;
}

bool Report::balanced() const {
  return std::all_of(targets.begin(), targets.end(), [](const TargetReport& target) {
    return target.read_back_is_current && target.findings.clean();
  });
}

Result<Report> build_report(ReportJournal& journal, CentralView& view, const ReportQuery& query) {
  if (query.from > query.to) {
    return Error{ErrorKind::kInvalid, "bad-period",
                 "the period begins on " + query.from.text() + " and ends before that, on " +
                     query.to.text() + "; exchange them"};
  }
  if (query.to.day - query.from.day >= std::chrono::days(kReportDaysMax)) {
    return Error{ErrorKind::kInvalid, "bad-period",
                 "a report covers at most " + std::to_string(kReportDaysMax) +
                     " business days; ask for several shorter periods"};
  }
  return Builder(journal, view, query).build();
}

Result<Report> build_report(JournalReader& reader, CentralView& view, const ReportQuery& query) {
  JournalOfReader journal(reader);
  auto report = build_report(journal, view, query);
  if (!report) return report;
  auto recoveries = reader.recoveries();
  if (!recoveries) return recoveries.error();
  report->recoveries = std::move(*recoveries);
  auto decisions = reader.decisions(query.from, query.to);
  if (!decisions) return decisions.error();
  report->decisions = std::move(*decisions);
  for (auto day = query.from; day <= query.to; day.day += std::chrono::days(1)) {
    auto conflicts = reader.conflicts_of_day(day, kConflictsOfDayMax);
    if (!conflicts) return conflicts.error();
    for (auto& conflict : *conflicts) report->conflicts.push_back(report_conflict(std::move(conflict)));
  }
  return report;
}

Result<JournalHead> JournalOfReader::head() {
  return reader_.head();
}

Result<std::vector<BusinessDay>> JournalOfReader::business_days(BusinessDay from, BusinessDay to) {
  return reader_.business_days(from, to);
}

Result<void> JournalOfReader::for_each_document(BusinessDay day,
                                                const std::function<bool(const DayDocument&)>& visit) {
  return reader_.for_each_document(day, day, visit);
}

Result<std::optional<StoredDocument>> JournalOfReader::load_version(const DeliveryKey& delivery) {
  return reader_.load_version(delivery);
}

Result<std::optional<StoredDocument>> JournalOfReader::find(const std::string& id) {
  return reader_.find(id);
}

Result<std::string> JournalOfReader::central_reference(const DeliveryKey& delivery) {
  return reader_.central_reference(delivery);
}

Result<Sequence> JournalOfReader::last_delivery(BusinessDay day, const std::string& target) {
  return reader_.last_delivery(day, target);
}

Result<Sequence> JournalOfReader::delivered_at(const DeliveryKey& delivery) {
  auto history = reader_.history(delivery.document);
  if (!history) return history.error();
  Sequence last;
  for (const RawRecord& record : *history) {
    if (record.kind != RecordKind::kOutcome) continue;
    auto fact = reader_.noted(decode_outcome(delivery.document, record.body));
    if (!fact) return fact.error();
    if (fact->delivery.step == delivery.step && fact->outcome.kind == OutcomeKind::kDelivered)
      last = record.sequence;
  }
  return last;
}

}  // namespace tillsync
