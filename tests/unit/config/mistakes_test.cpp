#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "config/settings.h"

using namespace tillsync;

namespace {

// Three lines before each case's own text, so that its first line is 4.
const std::string kStore = "[store]\nid = \"0417\"\ncurrency = \"GBP\"\n";
const std::string kTarget = kStore + "[targets.erp]\nbase_url = \"https://e\"\n";  // five lines

std::string joined(const std::vector<SettingsMistake>& mistakes) {
  std::ostringstream all;
  for (const auto& mistake : mistakes) all << mistake.text() << "\n";
  return all.str();
}

// Exactly one mistake, on that line, saying each of the words.
void expect(const std::string& text, std::int64_t line, const std::vector<std::string>& words) {
  const LoadedSettings loaded = parse_settings(text, "t.toml");
  const std::string all = joined(loaded.mistakes);
  CAPTURE(text);
  CAPTURE(all);
  REQUIRE(loaded.mistakes.size() == 1);
  CHECK(loaded.mistakes[0].line == line);
  CHECK(loaded.mistakes[0].file == "t.toml");
  for (const std::string& word : words) {
    CAPTURE(word);
    CHECK(loaded.mistakes[0].detail.find(word) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("mistakes: broken TOML is told with its line") {
  expect("[store]\nid = \"0417\ncurrency = 3\n", 2, {"mend the TOML"});
  expect("[store]\nid = \"a\"\nid = \"b\"\n", 3, {"id"});
  expect("[store]\nid = 2026-11-23Tx\n", 2, {"mend the TOML"});  // toml++'s own assertions abort on it
  expect("[store]\ncurrency = \u00a3\n", 2, {"mend the TOML"});  // and this leads out of its tables
}

TEST_CASE(
    "I8: mistakes: tables nested without end by the points of a key are refused, before a stack runs out") {
  for (const std::string around : {"", "["}) {
    std::string text = around;
    for (int i = 0; i < 100'000; ++i) text += "a.";
    expect(text + (around.empty() ? "a = 1\n" : "a]\n"), 0, {"more than 2000 points"});
  }
  std::string deep = kTarget;  // as deep as is taken
  for (int i = 0; i < 1'990; ++i) deep += "a.";
  expect(deep + "a = 1\n# " + std::string(100'000, '.') + "\n", 6, {"unknown"});
}

TEST_CASE("mistakes: the text of a mistake is FILE:LINE: DETAIL, without a line FILE: DETAIL") {
  CHECK(SettingsMistake{"a.toml", 7, "wrong"}.text() == "a.toml:7: wrong");
  CHECK(SettingsMistake{"a.toml", 0, "wrong"}.text() == "a.toml: wrong");
}

TEST_CASE("mistakes: what the file says is repeated on one line, without what steers a terminal, and cut") {
  expect(kTarget + "\"\\n\\u001b[2J\\u202e\" = 1\n", 6, {"\"\\n\\x1b[2J\\u{202e}\""});
  expect(kStore + "[routes]\nsale = [\"\\u0007bell\"]\n", 5, {"\"\\x07bell\""});
  const auto long_key = parse_settings(kStore + std::string(100'000, 'k') + " = 1\n", "t.toml");
  REQUIRE(long_key.mistakes.size() == 1);
  CHECK(long_key.mistakes[0].detail.size() <= 1100);
}

TEST_CASE("mistakes: all are told at once, in the order of the file") {
  const LoadedSettings loaded = parse_settings(R"([log]
level = "loud"
[store]
id = 417
currncy = "GBP"
[journal]
disk_reserve_mib = -1
)",
                                               "t.toml");
  std::vector<std::int64_t> lines;
  for (const auto& mistake : loaded.mistakes) lines.push_back(mistake.line);
  CAPTURE(joined(loaded.mistakes));
  CHECK(lines == std::vector<std::int64_t>{2, 3, 4, 5, 7});
}

TEST_CASE("mistakes: unknown keys and sections come with a suggestion") {
  expect(kStore + "[journal]\npaht = \"/x\"\n", 5, {"unknown key \"paht\"", "did you mean \"path\"?"});
  expect(kStore + "[jurnal]\npath = \"/x\"\n", 4, {"unknown section [jurnal]", "did you mean \"journal\"?"});
  expect("colour = \"red\"\n" + kStore, 1, {"unknown key \"colour\" outside every section", "take it out"});
  expect(kTarget + "batchmax = 3\n", 6, {"did you mean \"batch_max\"?"});
  expect(kTarget + "[targets.erp.auht]\nkind = \"basic\"\n", 6, {"did you mean \"auth\"?"});
  expect(kTarget + "[targets.erp.auth]\nknid = \"basic\"\n", 7, {"did you mean \"kind\"?"});
  expect(kStore + "[store.extra]\na = 1\n", 4, {"unknown key \"extra\" in [store]"});
}

TEST_CASE("mistakes: required keys") {
  expect("[store]\nid = \"1\"\n", 1, {"[store] currency is missing", "\"GBP\""});
  expect("[store]\ncurrency = \"GBP\"\n", 1, {"[store] id is missing"});
  expect(kStore + "[targets.erp]\nconcurrency = 2\n", 4, {"[targets.erp] base_url is missing"});
  const LoadedSettings empty = parse_settings("", "t.toml");
  CHECK(empty.mistakes.size() == 2);
  CHECK(empty.mistakes[0].line == 0);
}

TEST_CASE("mistakes: wrong types") {
  expect("[store]\nid = 417\ncurrency = \"GBP\"\n", 2, {"id must be a string in quotes, not an integer"});
  expect(kStore + "day_starts_at = 04:00:00\n", 4, {"time in quotes", "not a date or time"});
  expect(kStore + "[journal]\ndisk_reserve_mib = \"64\"\n", 5, {"whole number", "not a string"});
  expect(kStore + "[journal]\ndisk_reserve_mib = 64.0\n", 5, {"whole number", "not a decimal"});
  expect(kStore + "[reconcile]\nread_back_every_s = \"900\"\n", 5, {"number without quotes", "not a string"});
  expect(kTarget + "allow_plain_http = \"yes\"\n", 6, {"true or false"});
  expect(kTarget + "token = [\"file:/x\"]\n", 6, {"string in quotes, not an array"});
  expect("journal = 3\n" + kStore, 1, {"[journal] must be a table, not an integer"});
  expect("targets = 3\n" + kStore, 1, {"targets must be tables"});
  expect("routes = true\n" + kStore, 1, {"routes must be a table"});
  expect(kStore + "[targets]\nerp = \"https://e\"\n", 5, {"[targets.erp] must be a table, not a string"});
  expect(kTarget + "auth = \"basic\"\n", 6, {"[targets.erp.auth] must be a table"});
}

TEST_CASE("mistakes: values out of range name the range") {
  expect(kStore + "[journal]\ndisk_reserve_mib = 1048577\n", 5, {"is 1048577", "from 0 to 1048576"});
  expect(kStore + "[journal]\nretention_trading_days = 29\n", 5, {"0 (for ever) or from 30 to 36500"});
  expect(kStore + "[journal]\nretention_trading_days = 36501\n", 5, {"36500"});
  expect(kStore + "[reconcile]\nread_back_every_s = 0.5\n", 5, {"from 1 to 86400 seconds"});
  expect(kStore + "[reconcile]\nread_back_every_s = nan\n", 5, {"from 1 to 86400 seconds"});
  expect(kStore + "[slo]\ncustomer_accuracy_percent = 101\n", 5, {"is 101", "from 0 to 100"});
  expect(kStore + "[slo]\noldest_sale_s = -1\n", 5, {"from 0 to 31536000 seconds"});
  expect(kStore + "[log]\nrotate_mib = 0\n", 5, {"from 1 to 1024"});
  expect(kStore + "[log]\nrotate_keep = 0\n", 5, {"from 1 to 100"});
  expect(kTarget + "timeout_s = 0.05\n", 6, {"from 0.1 to 600 seconds"});
  expect(kTarget + "concurrency = 0\n", 6, {"from 1 to 256"});
  expect(kTarget + "batch_max = 1001\n", 6, {"from 1 to 1000"});
  expect(kTarget + "backoff_min_s = 0\n", 6, {"from 0.01 to 3600 seconds"});
  expect(kTarget + "backoff_max_s = 86401\n", 6, {"from 0.01 to 86400 seconds"});
  expect(kTarget + "rate_per_s = -1\n", 6, {"from 0 to 100000"});
  expect(kTarget + "rate_per_s = inf\n", 6, {"from 0 to 100000"});
  expect(kTarget + "burst_requests = 1000001\n", 6, {"from 0 to 1000000"});
  expect(kTarget + "burst_window_s = 0\n", 6, {"from 0.1 to 3600 seconds"});
  expect(kTarget + "day_requests = -1\n", 6, {"from 0 to 1000000000"});
  expect(kTarget + "day_requests = 1.5\n", 6, {"whole number"});
  expect(kTarget + "day_kept_back_percent = 96\n", 6, {"from 0 to 95"});
}

TEST_CASE("mistakes: a first backoff above the longest one") {
  expect(kTarget + "backoff_max_s = 5\nbackoff_min_s = 6\n", 7, {"backoff_min_s is more than backoff_max_s"});
  expect(kTarget + "backoff_max_s = 0.5\n", 6, {"raise backoff_max_s"});
}

TEST_CASE("mistakes: the store's identity") {
  const auto with = [](const std::string& line) { return "[store]\n" + line + "\n"; };
  expect(with("id = \"\"\ncurrency = \"GBP\""), 2, {"1 to 32"});
  expect(with("id = \"a/b\"\ncurrency = \"GBP\""), 2, {"1 to 32"});
  expect(with("id = \"" + std::string(33, 'a') + "\"\ncurrency = \"GBP\""), 2, {"1 to 32"});
  expect(with("id = \"1\"\ncurrency = \"gbp\""), 3, {"three capital letters"});
  expect(with("id = \"1\"\ncurrency = \"GBPX\""), 3, {"three capital letters"});
  expect(kStore + "time_zone = \"Europe/Lodnon\"\n", 4, {"time_zone is no time zone", "Europe/London"});
  for (const char* time : {"24:00", "04:60", "4:00", "04:00:00", "", "aa:bb"}) {
    expect(kStore + "day_starts_at = \"" + time + "\"\n", 4, {"\"00:00\" to \"23:59\""});
  }
}

TEST_CASE("mistakes: addresses") {
  const std::string needs_tls = "write tls_certificate and tls_key, or use 127.0.0.1";
  expect(kStore + "[till]\ntcp = \"0.0.0.0:7411\"\n", 5, {needs_tls});
  expect(kStore + "[till]\ntcp = \"[::]:7411\"\n", 5, {needs_tls});
  expect(kStore + "[till]\ntcp = \"127.evil.example:7411\"\n", 5, {needs_tls});
  expect(kStore + "[ops]\ntcp = \"10.0.0.1:7412\"\n", 5, {needs_tls});
  expect(kStore + "[till]\ntcp = \"7411\"\n", 5, {"host:port"});
  expect(kStore + "[till]\ntcp = \"::1:7411\"\n", 5, {"host:port"});
  expect(kStore + "[till]\ntcp = \"127.0.0.1:70000\"\n", 5, {"port of 0 to 65535"});
  expect(kStore + "[till]\ntcp = \"127.0.0.1:http\"\n", 5, {"port of 0 to 65535"});
  expect(kStore + "[ops]\ntcp = \"\"\n", 5, {"host:port"});
  expect(kStore + "[till]\ntcp = \"\"\nunix_socket = \"\"\n", 6, {"no till could post"});
  expect(kStore + "[till]\ntcp = \"127.0.0.1:7412\"\n", 5, {"same address"});
  expect(kStore + "[till]\nunix_socket = \"/" + std::string(107, 's') + "\"\n", 5, {"107 bytes"});
  CHECK(parse_settings(kStore + "[till]\nunix_socket = \"/" + std::string(106, 's') + "\"\n", "t")
            .mistakes.empty());
}

TEST_CASE("mistakes: TLS of listeners") {
  const std::string pair = "tls_certificate = \"a.pem\"\ntls_key = \"file:a.key\"\n";
  expect(kStore + "[till]\ntls_certificate = \"a.pem\"\n", 5, {"tls_certificate has no tls_key"});
  expect(kStore + "[ops]\ntls_key = \"env:KEY\"\n", 5, {"tls_key has no tls_certificate"});
  expect(kStore + "[ops]\ntls_key = \"a.key\"\n", 5, {"must name where the secret is kept"});
  expect(kStore + "[ops]\nclient_ca_file = \"ca.pem\"\n", 5, {"needs TLS"});
  expect(kStore + "[ops]\n" + pair + "client_certificates = {\"a\" = \"read\"}\n", 7, {"client_ca_file"});
  expect(kStore + "[ops]\n" + pair + "client_ca_file = \"ca\"\nclient_certificates = {\"a\" = \"all\"}\n", 8,
         {"\"read\" or \"operate\""});
  expect(kStore + "[ops]\n" + pair + "client_ca_file = \"ca\"\nclient_certificates = 1\n", 8,
         {"must be a table"});
  expect(kStore + "[till]\nclient_ca_file = \"ca\"\n", 5, {"unknown key"});
}

TEST_CASE("mistakes: targets") {
  expect(kStore + "[targets.ERP]\nbase_url = \"https://e\"\n", 4, {"target name \"ERP\"", "a-z 0-9 _ -"});
  expect(kStore + "[targets.erp]\nbase_url = \"ftp://e\"\n", 5, {"starts with https://"});
  expect(kStore + "[targets.erp]\nbase_url = \"https://\"\n", 5, {"no host"});
  expect(kStore + "[targets.erp]\nbase_url = \"https://e:99999/\"\n", 5, {"port"});
  expect(kStore + "[targets.erp]\nbase_url = \"https://e/?a=1\"\n", 5, {"query"});
  expect(kStore + "[targets.erp]\nbase_url = \"https://e/a b\"\n", 5, {"blanks"});
  expect(kStore + "[targets.erp]\nbase_url = \"https://u:p@e/\"\n", 5, {"user or password"});
  expect(kStore + "[targets.erp]\nbase_url = \"http://e\"\n", 5, {"plain http", "allow_plain_http"});
  expect(kTarget + "connector = \"\"\n", 6, {"must not be empty"});
  CHECK(parse_settings(kStore + "[targets.erp]\nbase_url = \"http://e\"\nallow_plain_http = true\n", "t")
            .mistakes.empty());
  CHECK(parse_settings(kStore + "[targets.erp]\nbase_url = \"http://[::1]:80/x\"\n", "t").mistakes.empty());
}

TEST_CASE("mistakes: a secret written into the file is refused, and not repeated") {
  const LoadedSettings loaded = parse_settings(kTarget +
                                                   "token = \"hunter2\"\n[targets.erp.auth]\nclient_secret = "
                                                   "\"hunter3\"\nkey = \"hunter4\"\npassword = \"hunter5\"\n",
                                               "t");
  const std::string all = joined(loaded.mistakes);
  CHECK(all.find("hunter") == std::string::npos);
  CHECK(all.find("t:6: [targets.erp] token must name where the secret is kept") != std::string::npos);
  for (const char* line : {"t:8: ", "t:9: ", "t:10: "}) CHECK(all.find(line) != std::string::npos);
  expect(kTarget + "token = \"file:\"\n", 6, {"names no file"});
  expect(kTarget + "token = \"env:A B\"\n", 6, {"no environment variable"});
  for (const char* name : {"", "a/b", "..", "a:b", "a b"})
    expect(kTarget + "token = \"systemd-credential:" + name + "\"\n", 6,
           {"names no credential", "LoadCredential="});
  CHECK(parse_settings(kTarget + "token = \"systemd-credential:erp.token\"\n", "t").mistakes.empty());
}

TEST_CASE("mistakes: authentication") {
  const std::string auth = kTarget + "[targets.erp.auth]\n";  // six lines
  expect(auth + "kind = \"digest\"\n", 7, {"one of \"bearer\", \"basic\", \"api_key\", \"oauth2\""});
  expect(auth + "kind = \"basic\"\nuser = \"u\"\n", 6, {"password is missing", "\"basic\" needs it"});
  expect(auth + "kind = \"api_key\"\nkey = \"\"\n", 8, {"key is missing"});
  expect(auth + "kind = \"api_key\"\nkey = \"env:K\"\nheader = \"X Y\"\n", 9, {"HTTP header"});
  expect(auth + "kind = \"oauth2\"\nclient_id = \"i\"\nclient_secret = \"env:S\"\n", 6,
         {"token_url is missing"});
  expect(
      auth + "kind = \"oauth2\"\nclient_id = \"i\"\nclient_secret = \"env:S\"\ntoken_url = \"http://x/\"\n",
      10, {"plain http"});
  const std::string client =
      auth + "kind = \"oauth2\"\nclient_id = \"i\"\ntoken_url = \"https://x/\"\n";  // nine lines
  expect(client, 6, {"client_secret is missing", "or a private_key"});
  expect(client + "client_secret = \"env:S\"\nprivate_key = \"env:K\"\n", 11,
         {"both", "take one of them out"});
  expect(client + "client_secret = \"env:S\"\nkey_id = \"k\"\n", 11,
         {"key_id has no meaning without a private_key"});
  expect(client + "private_key = \"env:K\"\nsubject = \"s\"\n", 11, {"subject has no meaning"});
  expect(client + "private_key = \"env:K\"\nalgorithm = \"HS256\"\n", 11, {"one of \"RS256\", \"PS256\""});
  expect(client + "private_key = \"-----BEGIN PRIVATE KEY-----\"\n", 10, {"where the secret is kept"});
  CHECK(parse_settings(client + "private_key = \"env:K\"\nkey_id = \"k\"\naudience = \"a\"\n", "t")
            .mistakes.empty());
  expect(auth + "kind = \"oauth2_jwt\"\nclient_id = \"i\"\nsubject = \"s\"\ntoken_url = \"https://x/\"\n", 6,
         {"private_key is missing", "\"oauth2_jwt\" needs it"});
  expect(
      auth +
          "kind = \"oauth2_jwt\"\nclient_id = \"i\"\ntoken_url = \"https://x/\"\nprivate_key = \"env:K\"\n",
      6, {"subject is missing"});
  expect(auth + "kind = \"api_key\"\nkey = \"env:K\"\nscope = \"s\"\n", 9, {"scope has no meaning"});
  expect(kTarget + "token = \"env:T\"\nauth = {kind = \"api_key\", key = \"env:K\"}\n", 6,
         {"\"bearer\" alone"});
}

TEST_CASE("mistakes: routes") {
  const std::string routes = kTarget + "[routes]\n";  // six lines
  expect(routes + "sael = [\"erp\"]\n", 7, {"unknown document type \"sael\"", "did you mean \"sale\"?"});
  expect(routes + "invoice = [\"erp\"]\n", 7, {"write one of sale, return"});
  expect(routes + "sale = \"erp\"\n", 7, {"must be an array"});
  expect(routes + "sale = [3]\n", 7, {"an integer"});
  expect(routes + "sale = [\"epr\"]\n", 7, {"no [targets.epr]", "did you mean \"erp\"?"});
  expect(routes + "sale = [\"erp\", \"erp\"]\n", 7, {"the step \"erp\" twice"});
  expect(routes + "sale = [{step = \"a\"}]\n", 7, {"no target"});
  expect(routes + "sale = [{step = \"A\", target = \"erp\"}]\n", 7, {"step name \"A\""});
  expect(routes + "sale = [{step = \"a\", targte = \"erp\", target = \"erp\"}]\n", 7,
         {"did you mean \"target\"?"});
  expect(routes + "sale = [{step = \"a\", target = \"erp\", needs = \"b\"}]\n", 7,
         {"needs must be an array"});
  expect(routes + "sale = [{step = \"a\", target = \"erp\", needs = [1]}]\n", 7, {"needs holds an integer"});
  expect(routes +
             "sale = [\n  {step = \"book\", target = \"erp\"},\n  {step = \"b\", target = \"erp\", needs = "
             "[\"boko\"]},\n]\n",
         9, {"needs \"boko\"", "did you mean \"book\"?"});
  expect(routes +
             "sale = [\n  {step = \"a\", target = \"erp\", needs = [\"b\"]},\n  {step = \"b\", target = "
             "\"erp\", needs = [\"a\"]},\n]\n",
         8, {"step \"a\" waits for itself"});
  expect(routes + "sale = [{step = \"a\", target = \"erp\", needs = [\"a\"]}]\n", 7, {"waits for itself"});
}

TEST_CASE("mistakes: connectors that are not there, and parameters that are not exact") {
  expect(kTarget + "connector = \"sap\"\n", 6, {"there is no connector \"sap\"", "sap.toml", "use \"rest\""});
  expect(kTarget + "parameters = 3\n", 6, {"[targets.erp.parameters] must be a table"});
  expect(kTarget + "[targets.erp.parameters]\nrate = 2.5\n", 7, {"a decimal number", "write it as a string"});
  expect(kTarget + "[targets.erp.parameters]\nlist = [2.5]\n", 7, {"a decimal number"});
}
