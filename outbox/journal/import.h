// Takes a signed export of another journal of this store in: documents by id, and what became of them, so
// that nothing that was delivered there is delivered again from here (I3). Offline: the caller holds the
// journal's lock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "outbox/journal/journal.h"
#include "outbox/journal/signed_file.h"

namespace tillsync {

struct ImportOptions {
  std::string file;
  std::string store;    ///< the store's id: another's export is refused
  std::string scratch;  ///< a folder for what is remembered meanwhile; emptied
};

struct ImportResult {
  std::int64_t documents = 0;            ///< appended
  std::int64_t known = 0;                ///< documents that the journal had already
  std::int64_t facts = 0;                ///< outcomes and decisions appended, maybe-sent marks included
  std::int64_t keys_dropped = 0;         ///< idempotency keys that belong to another document here
  std::int64_t refused = 0;              ///< documents whose id belongs to another document here
  std::vector<std::string> refused_ids;  ///< the first of them, kRefusedTold at most
  std::int64_t appended = 0;             ///< records of any kind: 0 where the file was imported before
};
inline constexpr std::size_t kRefusedTold = 100;

/// Checks the whole file first: form, order and signature (errors as check_signed_file; kInvalid
/// `other-store`); only then anything of it is used. Appends in transactions of bounded size; interrupted,
/// the same import again comes to the same. Until the end of an import, and also if it is cut short, every
/// unsettled delivery counts as maybe sent. The journal's routes must have been set.
Result<ImportResult> import_journal(Journal& journal, const ImportOptions& options,
                                    const VerifyingKey& trusted);

}  // namespace tillsync
