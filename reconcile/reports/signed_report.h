// A report with the store's signature, in each of its forms, and the check of one without anything else at
// hand. What is signed, and where it stands, is in DESIGN.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/crypto/ed25519.h"
#include "platform/json/json.h"

namespace tillsync {

/// `statement` with the member `signature` (an older one is replaced).
json::Value signed_statement(const json::Value& statement, const SigningKey& key);

/// A report's JSON with its signature; as it is where there is no key.
std::string signed_json_text(json::Value report, const SigningKey* key);
/// A report's page with the signed JSON in it, which also names the hash of the page without it.
std::string signed_html(std::string page, json::Value report, const SigningKey* key);
/// A report's CSV with a last row that holds a signed statement: the store, the period, the head and the hash
/// of the rows before it. `columns`: of each row.
std::string signed_csv(std::string rows, const json::Value& report, std::size_t columns,
                       const SigningKey* key);

/// What a signed report says of itself, once its signature holds.
struct CheckedReport {
  std::string form;       ///< json, html, csv
  json::Value statement;  ///< the report; of a CSV the last row's statement
  std::string key_hex;    ///< by which it was signed
  bool trusted = false;   ///< by one of the keys that were given
};

/// kInvalid: `not-a-report`, `not-signed`, `altered` (with what does not fit). `trusted`: public keys, 32
/// bytes each. Whether the key is one of them is for the caller to weigh.
Result<CheckedReport> check_report(std::string_view text, const std::vector<std::string>& trusted);

/// A public key in the ways people hand it on: 64 hexadecimal digits or PEM. 32 bytes.
Result<std::string> public_key_from_text(std::string_view text);

}  // namespace tillsync
