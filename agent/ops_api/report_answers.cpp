#include "agent/ops_api/report_answers.h"

#include "platform/crypto/sha256.h"
#include "reconcile/reports/signed_report.h"
#include "reconcile/reports/trial_balance.h"

namespace tillsync {
namespace {

bool wants(std::string_view accept, std::string_view media_type) {
  return accept.find(media_type) != std::string_view::npos;
}

}  // namespace

ServerResponse report_response(Report report, std::string_view accept, const SigningKey* key) {
  if (key != nullptr) report.key_hex = to_hex(key->public_key());
  ServerResponse response;
  if (wants(accept, "text/csv")) {
    response.content_type = "text/csv; charset=utf-8";
    response.body = signed_csv(report_csv(report), report_json(report), kReportCsvColumns, key);
  } else if (wants(accept, "text/html")) {
    response.content_type = "text/html; charset=utf-8";
    response.body = signed_html(report_html(report), report_json(report), key);
  } else {
    response.body = signed_json_text(report_json(report), key);
  }
  return response;
}

ServerResponse trial_balance_response(const Report& report, std::string_view accept) {
  ServerResponse response;
  if (wants(accept, "text/csv")) {
    response.content_type = "text/csv; charset=utf-8";
    response.body = trial_balance_csv(report);
  } else {
    response.body = json::dump(trial_balance_json(report));
  }
  return response;
}

}  // namespace tillsync
