// The reconciliation report (CONTRACT section 5): what the store did, what central was last seen to hold, and
// where they differ. A plain value; build_report() makes it, and it is written as JSON, CSV or HTML.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "outbox/document/document.h"
#include "outbox/journal/reader.h"
#include "platform/json/json.h"
#include "reconcile/central_view/central_view.h"
#include "reconcile/matching/findings.h"
#include "reconcile/reports/slo.h"
#include "reconcile/reports/sums.h"
#include "reconcile/reports/terminal_numbers.h"
#include "reconcile/reports/till_closes.h"

namespace tillsync {

/// Where both sides may be right, and what was decided. The journal knows: whoever builds the report fills it
/// in.
struct ReportConflict {
  std::string id;
  std::string document;  ///< its id; "" where it is about none
  std::string kind;
  std::string subject;  ///< what it is about within the kind: a SKU, a field, a number
  std::string policy;
  std::string decision;    ///< "open" while a person is waited for
  std::string decided_by;  ///< "" while nobody has
  UtcTime at{};
  std::string explanation;  ///< one sentence
  json::Value store;        ///< what either side held
  json::Value central;
  bool is_open() const { return decision == "open"; }
};

ReportConflict report_conflict(ConflictView conflict);

struct TargetReport {
  std::string name;
  std::optional<UtcTime>
      read_back_at;  ///< the oldest of its days; nothing where a day with deliveries was never read
  bool read_back_is_current = true;  ///< no delivery of the period came after its day was read back
  TargetFindings findings;
};

struct Report {
  std::string store;
  std::string key_hex;  ///< the public key by which the report will be signed; "" where it will not
  BusinessDay from;
  BusinessDay to;
  UtcTime generated_at{};
  JournalHead head;
  std::map<DocumentType, TypeSum>
      documents;  ///< the types that occur; totals are gross: a return's is positive
  ReportSums sums;
  Accounts accounts;  ///< of the trial balance
  SloFigures slo;
  SloAims slo_aims;
  std::vector<SequenceGap> sequence_gaps;
  std::vector<SequenceRepeat> sequence_repeats;
  std::vector<TillCloseReport> till_closes;
  std::vector<RecoveredFact> recoveries;  ///< from damage of the journal, ever: what they lost is in no sum
  std::vector<JournaledDecision> decisions;  ///< by people, about the period's documents and its targets
  std::vector<ReportConflict> conflicts;
  std::vector<TargetReport> targets;  ///< the settings' order, then those that only old deliveries name

  bool balanced() const;
};

inline constexpr int kReportDaysMax = 400;

struct ReportQuery {
  std::string store;                 ///< the store's id
  std::vector<std::string> targets;  ///< the settings' names
  BusinessDay from;                  ///< both counted in
  BusinessDay to;
  UtcTime generated_at{};
  SloAims slo = {};
};

/// What a report asks of the journal. JournalOfReader answers from the real one.
class ReportJournal {
 public:
  virtual ~ReportJournal() = default;
  virtual Result<JournalHead> head() = 0;
  virtual Result<std::vector<BusinessDay>> business_days(BusinessDay from, BusinessDay to) = 0;
  /// In journal order.
  virtual Result<void> for_each_document(BusinessDay day,
                                         const std::function<bool(const DayDocument&)>& visit) = 0;
  virtual Result<std::optional<StoredDocument>> load_version(const DeliveryKey& delivery) = 0;
  virtual Result<std::optional<StoredDocument>> find(const std::string& id) = 0;
  virtual Result<Sequence> last_delivery(BusinessDay day, const std::string& target) = 0;
  /// What central called a delivery; "" where it is not delivered.
  virtual Result<std::string> central_reference(const DeliveryKey& delivery) = 0;
  /// Sequence of the last `delivered` outcome of this delivery; 0 where there is none.
  virtual Result<Sequence> delivered_at(const DeliveryKey& delivery) = 0;
};

class JournalOfReader final : public ReportJournal {
 public:
  explicit JournalOfReader(JournalReader& reader) : reader_(reader) {}
  Result<JournalHead> head() override;
  Result<std::vector<BusinessDay>> business_days(BusinessDay from, BusinessDay to) override;
  Result<void> for_each_document(BusinessDay day,
                                 const std::function<bool(const DayDocument&)>& visit) override;
  Result<std::optional<StoredDocument>> load_version(const DeliveryKey& delivery) override;
  Result<std::optional<StoredDocument>> find(const std::string& id) override;
  Result<Sequence> last_delivery(BusinessDay day, const std::string& target) override;
  Result<std::string> central_reference(const DeliveryKey& delivery) override;
  Result<Sequence> delivered_at(const DeliveryKey& delivery) override;

 private:
  JournalReader& reader_;
};

/// Memory is bounded by one day's documents and the findings, time by the period: about 20 microseconds a
/// document. kInvalid `bad-period` where `from` is after `to` or the period is longer than kReportDaysMax.
Result<Report> build_report(ReportJournal& journal, CentralView& view, const ReportQuery& query);
Result<Report> build_report(JournalReader& reader, CentralView& view, const ReportQuery& query);

/// The shape of CONTRACT section 5.
json::Value report_json(const Report& report);
/// RFC 4180, UTF-8, CRLF: a header, summary rows, then a row a finding. Fields that a spreadsheet would run
/// as a formula begin with an apostrophe. Without a signature (signed_report.h).
std::string report_csv(const Report& report);
inline constexpr std::size_t kReportCsvColumns = 18;
/// One self-contained page, fit to print; all text escaped. Without a signature, whose place is before
/// "</body>" (signed_report.h).
std::string report_html(const Report& report);

/// A total as a JSON object {"GBP":"12.50"}.
json::Value totals_json(const Totals& totals);

}  // namespace tillsync
