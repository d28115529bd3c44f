#include "config/keys.h"

namespace tillsync::config {

const std::vector<Key<StoreSettings>>& store_keys() {
  using S = StoreSettings;
  static const std::vector<Key<S>> keys = {
      {"id", &S::id, 0, 0, check_store_id},
      {"time_zone", &S::time_zone, 0, 0, check_time_zone},
      {"currency", &S::currency, 0, 0, check_currency},
      {"day_starts_at", TimeOfDay<S>{&S::day_starts_at}},
  };
  return keys;
}

const std::vector<Key<JournalSettings>>& journal_keys() {
  using S = JournalSettings;
  // retention: 0 or 30 and more, see check_retention in loader.cpp
  static const std::vector<Key<S>> keys = {
      {"path", &S::path, 0, 0, check_not_empty},
      {"disk_reserve_mib", &S::disk_reserve_mib, 0, 1'048'576},
      {"retention_trading_days", &S::retention_trading_days, 0, 36'500},
  };
  return keys;
}

const std::vector<Key<TillSettings>>& till_keys() {
  using S = TillSettings;
  static const std::vector<Key<S>> keys = {
      {"unix_socket", &S::unix_socket},
      {"tcp", &S::tcp, 0, 0, check_listen_address_or_none},
      {"tls_certificate", &S::tls_certificate},
      {"tls_key", &S::tls_key},
  };
  return keys;
}

const std::vector<Key<OpsSettings>>& ops_keys() {
  using S = OpsSettings;
  static const std::vector<Key<S>> keys = {
      {"tcp", &S::tcp, 0, 0, check_listen_address},
      {"tls_certificate", &S::tls_certificate},
      {"tls_key", &S::tls_key},
      {"client_ca_file", &S::client_ca_file},
  };
  return keys;
}

const std::vector<Key<ReconcileSettings>>& reconcile_keys() {
  using S = ReconcileSettings;
  static const std::vector<Key<S>> keys = {{"read_back_every_s", &S::read_back_every, 1, 86'400}};
  return keys;
}

const std::vector<Key<ConflictSettings>>& conflict_keys() {
  using S = ConflictSettings;
  static const std::vector<Key<S>> keys = {
      {"return_unknown_sale", &S::return_unknown_sale, 0, 0, check_return_policy},
      {"return_already_refunded", &S::return_already_refunded, 0, 0, check_return_policy},
      {"return_over_quantity", &S::return_over_quantity, 0, 0, check_return_policy},
      {"return_outside_policy", &S::return_outside_policy, 0, 0, check_return_policy},
      {"return_price_differs", &S::return_price_differs, 0, 0, check_return_policy},
      {"price_changed", &S::price_changed, 0, 0, check_watch_policy},
      {"stock_moved", &S::stock_moved, 0, 0, check_watch_policy},
      {"stock_oversold", &S::stock_oversold, 0, 0, check_watch_policy},
      {"stock_count", &S::stock_count, 0, 0, check_count_policy},
      {"customers", &S::customers, 0, 0, check_customer_policy},
      {"customer_consent_fields", &S::customer_consent_fields},
      {"customer_duplicate", &S::customer_duplicate, 0, 0, check_watch_policy},
      {"identity_content", &S::identity_content, 0, 0, check_watch_policy},
      {"identity_foreign", &S::identity_foreign, 0, 0, check_watch_policy},
  };
  return keys;
}

const std::vector<Key<SloSettings>>& slo_keys() {
  using S = SloSettings;
  static const std::vector<Key<S>> keys = {
      {"sale_to_erp_p95_s", &S::sale_to_erp_p95, 0, 31'536'000},
      {"oldest_sale_s", &S::oldest_sale, 0, 31'536'000},
      {"refund_p95_s", &S::refund_p95, 0, 31'536'000},
      {"customer_accuracy_percent", &S::customer_accuracy_percent, 0, 100},
  };
  return keys;
}

const std::vector<Key<CentralViewSettings>>& central_view_keys() {
  using S = CentralViewSettings;
  static const std::vector<Key<S>> keys = {
      {"fetch_every_s", &S::fetch_every, 0, 86'400},
      {"customers", &S::customers},
      {"stock", &S::stock},
      {"prices", &S::prices},
      {"refund_policy", &S::refund_policy},
  };
  return keys;
}

const std::vector<Key<LogSettings>>& log_keys() {
  using S = LogSettings;
  static const std::vector<Key<S>> keys = {
      {"file", &S::file},
      {"format", &S::format, 0, 0, check_log_format},
      {"level", &S::level, 0, 0, check_log_level},
      {"rotate_mib", &S::rotate_mib, 1, 1024},
      {"rotate_keep", &S::rotate_keep, 1, 100},
  };
  return keys;
}

const std::vector<Key<TargetSettings>>& target_keys() {
  using S = TargetSettings;
  static const std::vector<Key<S>> keys = {
      {"connector", &S::connector, 0, 0, check_not_empty},
      {"base_url", &S::base_url, 0, 0, check_base_url},
      {"allow_plain_http", &S::allow_plain_http},
      {"token", &S::token},
      {"timeout_s", &S::timeout, 0.1, 600},
      {"concurrency", &S::concurrency, 1, 256},
      {"batch_max", &S::batch_max, 1, 1000},
      {"backoff_min_s", &S::backoff_min, 0.01, 3600},
      {"backoff_max_s", &S::backoff_max, 0.01, 86'400},
      {"rate_per_s", &S::rate_per_s, 0, 100'000},
      {"burst_requests", &S::burst_requests, 0, 1'000'000},
      {"burst_window_s", &S::burst_window, 0.1, 3600},
      {"day_requests", &S::day_requests, 0, 1'000'000'000},
      {"day_kept_back_percent", &S::day_kept_back_percent, 0, 95},
      {"ca_file", &S::ca_file},
      {"proxy", &S::proxy},
  };
  return keys;
}

const std::vector<Key<AuthSettings>>& auth_keys() {
  using S = AuthSettings;
  static const std::vector<Key<S>> keys = {
      {"kind", &S::kind, 0, 0, check_auth_kind},
      {"user", &S::user},
      {"password", &S::password},
      {"header", &S::header, 0, 0, check_header_name},
      {"key", &S::key},
      {"token_url", &S::token_url, 0, 0, check_url},
      {"client_id", &S::client_id},
      {"client_secret", &S::client_secret},
      {"private_key", &S::private_key},
      {"algorithm", &S::algorithm, 0, 0, check_algorithm},
      {"key_id", &S::key_id},
      {"subject", &S::subject},
      {"audience", &S::audience},
      {"scope", &S::scope},
      {"key_file", &S::key_file},
      {"passphrase", &S::passphrase},
  };
  return keys;
}

const std::vector<Key<FileSettings>>& file_keys() {
  using S = FileSettings;
  static const std::vector<Key<S>> keys = {
      {"format", &S::format, 0, 0, check_file_format},
      {"tls", &S::tls, 0, 0, check_file_tls},
      {"known_hosts", &S::known_hosts},
      {"host_key_sha256", &S::host_key_sha256, 0, 0, check_host_key},
  };
  return keys;
}

const std::vector<Key<IntakeSettings>>& intake_keys() {
  using S = IntakeSettings;
  static const std::vector<Key<S>> keys = {
      {"folder", &S::folder, 0, 0, check_not_empty},
      {"format", &S::format, 0, 0, check_intake_format},
      {"terminal", &S::terminal, 0, 0, check_terminal_or_none},
      {"settle_s", &S::settle, 0, 3600},
      {"scan_every_s", &S::scan_every, 0.1, 3600},
  };
  return keys;
}

const std::vector<std::string>& document_type_names() {
  static const std::vector<std::string> names = {
      "sale", "return", "stock_adjustment", "stock_count", "stock_transfer", "customer_update", "till_close"};
  return names;
}

const std::vector<std::string>& section_names() {
  static const std::vector<std::string> names = {"store",  "journal",   "till",   "ops",
                                                 "log",    "targets",   "routes", "reconcile",
                                                 "intake", "conflicts", "slo",    "central_view"};
  return names;
}

const std::vector<std::string>& route_step_keys() {
  static const std::vector<std::string> names = {"step", "target", "needs"};
  return names;
}

namespace {
void append(std::vector<std::string>& all, const std::string& section,
            const std::vector<std::string>& names) {
  for (const std::string& name : names) all.push_back(section + "." + name);
}
}  // namespace

std::vector<std::string> known_keys() {
  std::vector<std::string> all;
  append(all, "store", names_of(store_keys()));
  append(all, "journal", names_of(journal_keys()));
  append(all, "till", names_of(till_keys()));
  append(all, "ops", names_of(ops_keys()));
  append(all, "ops", {"client_certificates"});
  append(all, "reconcile", names_of(reconcile_keys()));
  append(all, "conflicts", names_of(conflict_keys()));
  append(all, "slo", names_of(slo_keys()));
  append(all, "central_view", names_of(central_view_keys()));
  append(all, "log", names_of(log_keys()));
  append(all, "targets.*", names_of(target_keys()));
  append(all, "targets.*.auth", names_of(auth_keys()));
  append(all, "targets.*.file", names_of(file_keys()));
  append(all, "intake.*", names_of(intake_keys()));
  append(all, "routes", document_type_names());
  append(all, "routes.*", route_step_keys());
  return all;
}

}  // namespace tillsync::config
