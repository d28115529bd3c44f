// The composition root: builds the whole daemon from settings, runs it, and takes it down in order.
#pragma once

#include "agent/assembly/reloader.h"
#include "config/settings.h"
#include "platform/base/result.h"
#include "platform/base/time.h"

namespace tillsync {

/// Runs until SIGTERM or SIGINT; at SIGHUP the settings are `read` again (Reloader). Returns once everything
/// acknowledged is on disk and every socket is closed. An error means that it could not start: kStorage,
/// kCorrupt (journal), kInvalid (settings, a journal from the future), kUnavailable (an address in use,
/// another daemon on the same journal).
Result<void> run_daemon(const Settings& settings, ReadSettings read, const Clock& clock);

/// kInvalid where the settings' journal is another store's.
Result<void> check_journal_owner(const Settings& settings);

/// The store's defaults for documents, from settings that load_settings found right. kInvalid: a currency
/// that ISO 4217 does not have.
struct StoreDefaults;
Result<StoreDefaults> store_defaults(const Settings& settings);

}  // namespace tillsync
