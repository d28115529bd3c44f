// The ops API's reports in each of their forms, signed. Any thread.
#pragma once

#include <string_view>

#include "agent/http_server/server.h"
#include "platform/crypto/ed25519.h"
#include "reconcile/reports/report.h"

namespace tillsync {

/// As JSON, CSV or HTML by the Accept header; without a key it is not signed.
ServerResponse report_response(Report report, std::string_view accept, const SigningKey* key);
/// As JSON or CSV.
ServerResponse trial_balance_response(const Report& report, std::string_view accept);

}  // namespace tillsync
