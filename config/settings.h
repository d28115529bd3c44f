// The settings file (CONTRACT section 7) as plain values. Knows nothing of how a setting is used.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/result.h"

namespace tillsync {

/// A secret by reference: "file:PATH", "env:NAME", "systemd-credential:NAME"; "" for none. Never holds the
/// secret itself.
struct SecretReference {
  std::string text;
  bool several_lines = false;  ///< such as a key in PEM; any other secret is one line
  bool empty() const { return text.empty(); }
};

struct StoreSettings {
  std::string id;
  std::string time_zone = "UTC";
  std::string currency;
  std::chrono::minutes day_starts_at{4 * 60};
};

struct JournalSettings {
  std::string path = "/var/lib/tillsync";
  std::int64_t disk_reserve_mib = 64;
  std::int64_t retention_trading_days = 400;  ///< 0: for ever
};

/// What a listener shows its clients (PEM).
struct TlsSettings {
  std::string tls_certificate;        ///< file: its own certificate, then those up to the root's; "": no TLS
  SecretReference tls_key{"", true};  ///< the certificate's private key
  bool tls() const { return !tls_certificate.empty(); }
};

struct TillSettings : TlsSettings {
  std::string unix_socket = "/run/tillsync/till.sock";
  std::string tcp = "127.0.0.1:7411";  ///< beyond this machine only with TLS
};

struct OpsSettings : TlsSettings {
  std::string tcp = "127.0.0.1:7412";  ///< beyond this machine only with TLS
  std::string client_ca_file;          ///< PEM: who signs the certificates of clients; "": none are asked for
  /// Name in a client's certificate (subject's CN, or a DNS or e-mail name) to role: "read", "operate".
  std::map<std::string, std::string> client_certificates;
};

struct ReconcileSettings {
  std::chrono::milliseconds read_back_every{900'000};
};

/// What becomes of a conflict between the store and central, by its kind (reconcile/conflicts/policies.h).
struct ConflictSettings {
  // off, flag, hold, reject
  std::string return_unknown_sale = "flag";      ///< the sale is known neither here nor to central
  std::string return_already_refunded = "flag";  ///< another store gave the money back
  std::string return_over_quantity = "flag";     ///< more comes back than was sold
  std::string return_outside_policy = "flag";    ///< too late, or without a receipt, by central's policy
  std::string return_price_differs = "flag";     ///< the refund is not what was paid
  // off, flag, ask
  std::string price_changed = "flag";  ///< sold at a price that central had changed
  std::string stock_moved = "flag";    ///< central's level moved while the store was offline
  std::string stock_oversold = "ask";  ///< sold here what central had promised elsewhere
  std::string stock_count = "rebase";  ///< off, store, central, rebase, ask: a count, and central's movements
  std::string customers = "store";     ///< off, store, central, newest, ask: the same field on both sides
  std::map<std::string, std::string> customer_fields;  ///< the same, for single fields
  /// Separated by blanks: of these the stricter word stands, whoever says it.
  std::string customer_consent_fields =
      "consent marketing_consent email_consent sms_consent phone_consent email_opt_in sms_opt_in opt_out "
      "do_not_contact unsubscribed";
  // off, flag, ask
  std::string customer_duplicate = "ask";  ///< one e-mail or phone under two numbers
  std::string identity_content = "flag";   ///< central has a document with other content
  std::string identity_foreign = "flag";   ///< central has a document that the store never wrote
};

/// What is aimed at in reports and metrics; 0: no aim. Nothing is done otherwise where one is missed.
struct SloSettings {
  std::chrono::milliseconds sale_to_erp_p95{0};  ///< 95 of 100 sales at each target within
  std::chrono::milliseconds oldest_sale{0};      ///< age of the oldest sale that a target does not have
  std::chrono::milliseconds refund_p95{0};       ///< 95 of 100 returns delivered everywhere within
  std::int64_t customer_accuracy_percent = 0;    ///< customer changes delivered without an open clash
};

/// Who is asked what central knows: targets' names, "" for nobody. What the file leaves out: the first target
/// that can be asked on the way of customer_update, and of sale for all but customers.
struct CentralViewSettings {
  std::chrono::milliseconds fetch_every{900'000};  ///< 0: never
  std::string customers;
  std::string stock;
  std::string prices;
  std::string refund_policy;
};

struct LogSettings {
  std::string file;              ///< "" for standard error
  std::string format = "text";   ///< text, json
  std::string level = "info";    ///< debug, info, warning, error
  std::int64_t rotate_mib = 10;  ///< a log file is rotated at this size
  std::int64_t rotate_keep = 5;
};

struct AuthSettings {
  /// bearer (the target's `token`), basic, api_key, oauth2 (client credentials, RFC 6749 section 4.4),
  /// oauth2_jwt (JWT bearer, RFC 7523 section 2.1), session (as the connector's file signs in), ssh_key
  /// (sftp)
  std::string kind = "bearer";
  std::string user;                       ///< basic, session, ssh_key
  SecretReference password;               ///< basic, session
  std::string header = "X-API-Key";       ///< api_key: the header that carries it
  SecretReference key;                    ///< api_key
  std::string token_url;                  ///< oauth2, oauth2_jwt
  std::string client_id;                  ///< oauth2; oauth2_jwt: who issues the assertions
  SecretReference client_secret;          ///< oauth2, where there is no private_key
  SecretReference private_key{"", true};  ///< RSA, PEM; oauth2_jwt, and oauth2 in the place of client_secret
  std::string algorithm = "RS256";        ///< by which it signs: RS256, PS256 (RFC 7518)
  std::string key_id;                     ///< which of the client's keys that is (`kid`), "" for none
  std::string subject;                    ///< oauth2_jwt: in whose name
  std::string audience;                   ///< whom the assertions are for; "" for the token_url itself
  std::string scope;                      ///< oauth2, oauth2_jwt, "" for none
  std::string key_file;                   ///< ssh_key: the private key
  SecretReference passphrase;             ///< ssh_key: what the key file is locked with
};

/// [targets.NAME.file], of the connector "file".
struct FileSettings {
  std::string format = "csv";    ///< csv, poslog
  std::string tls = "explicit";  ///< ftps: explicit (AUTH TLS, port 21), implicit (port 990)
  std::string known_hosts;       ///< sftp: a file as OpenSSH has it
  std::string host_key_sha256;   ///< sftp: "SHA256:BASE64", as ssh-keygen -l shows it
};

struct TargetSettings {
  std::string connector = "rest";
  std::string connector_file;  ///< where `connector` was found; "" for "rest" and "file"
  std::string parameters;      ///< the table [targets.NAME.parameters] as a JSON object; "" for none
  std::int64_t parameters_line = 0;
  std::int64_t line = 0;  ///< of [targets.NAME]
  std::string base_url;
  bool allow_plain_http = false;  ///< plain http to a host that is not this machine
  SecretReference token;
  AuthSettings auth;
  FileSettings file;
  std::chrono::milliseconds timeout{10'000};
  std::int64_t concurrency = 8;
  bool concurrency_is_set = false;  ///< else a connector that bears less is asked for less
  std::int64_t batch_max = 1;
  std::chrono::milliseconds backoff_min{1'000};
  std::chrono::milliseconds backoff_max{300'000};
  double rate_per_s = 0;  ///< requests a second; 0: no limit
  // Not set: as the connector's file says (agent/connectors/pace_limits.h).
  std::optional<std::int64_t> burst_requests;             ///< in any `burst_window`; 0: no limit
  std::optional<std::chrono::milliseconds> burst_window;  ///< burst_window_s
  std::optional<std::int64_t> day_requests;               ///< in any 24 hours; 0: no limit
  /// Share of the day's requests that deliveries leave to others, e.g. the shop's live calls.
  std::int64_t day_kept_back_percent = 20;
  std::string ca_file;  ///< PEM; "" for the system's store
  std::string proxy;    ///< "" honours the environment
};

/// A folder in which tills leave files (agent/file_intake).
struct IntakeSettings {
  std::string folder;
  std::string format;    ///< poslog, ndjson
  std::string terminal;  ///< of documents that name none; "" for none
  std::chrono::milliseconds settle{2'000};
  std::chrono::milliseconds scan_every{10'000};
  std::int64_t line = 0;  ///< of [intake.NAME]
};

/// One step of a route. The short form `sale = ["erp", "crm"]` gives one step per target, named as the
/// target.
struct RouteStep {
  std::string step;
  std::string target;
  std::vector<std::string> needs;  ///< steps of the same document that must be delivered first
  bool operator==(const RouteStep&) const = default;
};

struct Settings {
  StoreSettings store;
  JournalSettings journal;
  TillSettings till;
  OpsSettings ops;
  ReconcileSettings reconcile;
  ConflictSettings conflicts;
  SloSettings slo;
  CentralViewSettings central_view;
  LogSettings log;
  std::map<std::string, TargetSettings> targets;
  std::map<std::string, IntakeSettings> intakes;
  /// By document type; a type without a route goes nowhere. Without [routes] in the file every type goes to
  /// every target.
  std::map<std::string, std::vector<RouteStep>> routes;
};

/// One mistake in a settings file.
struct SettingsMistake {
  std::string file;
  std::int64_t line = 0;     ///< from 1; 0 where it has no line (a missing key)
  std::string detail;        ///< what is wrong and the cure
  std::string text() const;  ///< "FILE:LINE: DETAIL"
};

struct LoadedSettings {
  Settings settings;                      ///< usable only where `mistakes` is empty
  std::vector<SettingsMistake> mistakes;  ///< every one, in the order of the file
};

/// Reads and checks a settings file. All mistakes at once; never throws.
LoadedSettings load_settings(const std::string& file);
/// The same for text, with `file` as its name in messages.
LoadedSettings parse_settings(const std::string& text, const std::string& file);

/// Reads the secret that a reference names, trailing line ends stripped; "" for none. kUnavailable names the
/// reference, never the secret.
Result<std::string> read_secret(const SecretReference& reference);

}  // namespace tillsync
