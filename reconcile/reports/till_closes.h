// A till's close against the journal: what was counted in the drawer, and what the terminal's documents of
// that business day say should be in it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "outbox/document/document.h"
#include "outbox/journal/reader.h"
#include "platform/base/ids.h"

namespace tillsync {

struct TenderSum {
  std::string type;
  std::string currency;
  Decimal amount;
  bool operator==(const TenderSum&) const = default;
};

struct TillCloseReport {
  std::string id;
  Sequence sequence;
  std::string terminal;
  BusinessDay business_day;
  std::vector<TenderSum> counted;     ///< by the till
  std::vector<TenderSum> journal;     ///< net: sales less returns, of the whole business day
  std::vector<TenderSum> difference;  ///< counted less journal; what is not zero
  std::optional<std::int64_t> documents_said;
  std::int64_t documents_journal = 0;  ///< of that terminal and day, closes not counted
  std::int64_t after_close = 0;        ///< of these, how many the journal has after the close
  /// The tenders agree, and so does the number of documents where the till said one.
  bool agrees() const {
    return difference.empty() && (!documents_said || *documents_said == documents_journal);
  }
};

/// The closes of one business day. Documents come in journal order.
class TillCloses {
 public:
  void add(const StoredDocument& stored);
  /// In journal order.
  std::vector<TillCloseReport> finish();

 private:
  using Sums = std::map<std::pair<std::string, std::string>, Decimal>;  ///< by tender type and currency
  struct Terminal {
    std::int64_t documents = 0;
    Sums tenders;
  };
  struct Close {
    TillCloseReport report;
    Sums counted;
  };
  std::map<std::string, Terminal> terminals_;
  std::vector<Close> closes_;
};

}  // namespace tillsync
