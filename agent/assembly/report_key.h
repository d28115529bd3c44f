// The store's own key, by which its reports are signed: `report.key` in the journal's folder, mode 0600. Any
// thread.
#pragma once

#include <string>

#include "platform/crypto/ed25519.h"

namespace tillsync {

inline constexpr const char* kReportKeyFile = "report.key";

/// kNotFound where the daemon has not run yet; kInvalid where the file is no key; kStorage where it cannot be
/// read.
Result<SigningKey> read_report_key(const std::string& journal_folder);
/// The same; a key is made, durably, where there is none. One that cannot be read is never replaced: head
/// office trusts it. For the one daemon of the journal.
Result<SigningKey> open_report_key(const std::string& journal_folder);

}  // namespace tillsync
