// POSLog 6 (ARTS, now OMG Retail; the Digital Receipt that is built on it too) as documents of the canonical
// model. What it makes is what a till would post: whoever gets it puts it through parse_document(), as any
// body. DESIGN.md tells what becomes of what. Pure; never throws.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "platform/base/result.h"
#include "platform/base/time.h"

namespace tillsync {

/// What a transaction takes from elsewhere where it does not say it itself.
struct PoslogContext {
  std::string store_id;
  std::string terminal;  ///< "" for none
  std::string currency;  ///< ISO 4217
  TimeZone zone;         ///< of times without an offset
};

struct PoslogFault {
  std::string xpath;  ///< by local names, such as /POSLog/Transaction[3]/RetailTransaction/LineItem[2]
  std::string detail;
  bool operator==(const PoslogFault&) const = default;
};
inline constexpr std::size_t kPoslogFaultsMax = 100;

/// One document, and where it stands in the file.
struct PoslogDocument {
  std::string id;
  std::string body;                      ///< JSON
  std::vector<std::string> line_xpaths;  ///< of each of its lines
};

/// What a Transaction became: documents (two of an exchange), or a note why it is none, or faults.
struct PoslogTransaction {
  std::size_t number = 0;  ///< from 1
  std::string xpath;
  std::string id;  ///< poslog_document_id(); "" where it has none
  std::vector<PoslogDocument> documents;
  std::string note;  ///< "training", "voided", "control", ...: nothing to journal, by the till's own word
  std::vector<PoslogFault> faults;
};

struct PoslogLimits {
  std::size_t elements_max = 3'000'000;    ///< 64 bytes of memory each
  std::size_t attributes_max = 3'000'000;  ///< 40 bytes each
  int depth_max = 32;
};

/// Calls `each` for every Transaction, in order, until it returns false. kInvalid where the file is none, and
/// then `each` was never called: `malformed-xml` (names the byte), `doctype`, `unsupported-encoding`,
/// `too-large` and `too-deep` (limits), `not-poslog`.
Result<void> read_poslog(std::string bytes, const PoslogContext& context,
                         const std::function<bool(PoslogTransaction)>& each, const PoslogLimits& limits = {});

}  // namespace tillsync
