#include "reconcile/reports/signed_report.h"

#include <algorithm>

#include "platform/base/csv.h"
#include "platform/crypto/base64.h"
#include "platform/crypto/sha256.h"

namespace tillsync {
namespace {

constexpr std::string_view kDomain = "tillsync report 1\n";
constexpr std::string_view kAlgorithm = "Ed25519";
constexpr std::size_t kKeyBytes = 32;
constexpr json::ParseLimits kDepth{.depth_max = 96};  // a differing member's own 64, and what is around it

constexpr std::string_view kScriptBegin = "<script type=\"application/json\" id=\"tillsync-report\">";
constexpr std::string_view kScriptEnd = "</script>\n";
constexpr std::string_view kBodyEnd = "</body>";
constexpr std::string_view kSignedRow = "signed_statement,";

Error wrong(const char* code, std::string detail) {
  return Error{ErrorKind::kInvalid, code, std::move(detail)};
}

json::Object without(const json::Value& statement, std::string_view name) {
  json::Object out = *statement.as_object();
  std::erase_if(out, [&](const json::Member& member) { return member.first == name; });
  return out;
}

std::string signed_bytes(const json::Value& statement) {
  return std::string(kDomain) + json::dump_normalized(without(statement, "signature"));
}

/// Within a script element nothing may look like its end (HTML, section 4.12.1.3).
std::string fit_for_script(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

json::Value member_or_null(const json::Value& value, std::string_view name) {
  const json::Value* found = value.find(name);
  return found == nullptr ? json::Value() : *found;
}

json::Value rendering(const char* form, std::string_view bytes) {
  return json::Object{{"form", form}, {"sha256", to_hex(sha256(bytes))}};
}

/// The statement of a form, and the bytes that its hash is of ("" for JSON, which has none).
struct Parts {
  std::string form;
  json::Value statement;
  std::string hashed;
};

Result<json::Value> statement_from(std::string_view text) {
  auto value = json::parse(text, kDepth);
  if (!value) return wrong("not-a-report", "the report is no JSON: " + value.error().detail);
  if (value->as_object() == nullptr || value->text_of("store").empty() || value->text_of("from").empty())
    return wrong("not-a-report", "that is JSON, but no tillsync report: it names no store and no period");
  return *std::move(value);
}

Result<Parts> html_parts(std::string_view text) {
  const auto begin = text.find(kScriptBegin);
  if (begin == std::string_view::npos)
    return wrong("not-signed", "the page is not signed: it holds no report for machines");
  const auto content = begin + kScriptBegin.size();
  const auto end = text.find(kScriptEnd, content);
  if (end == std::string_view::npos) return wrong("altered", "the report in the page is cut off");
  auto statement = statement_from(text.substr(content, end - content));
  if (!statement) return statement.error();
  std::string page(text.substr(0, begin));
  page += text.substr(end + kScriptEnd.size());
  return Parts{"html", *std::move(statement), std::move(page)};
}

/// The first field behind the row's name, with its quotes undone.
std::string quoted_field(std::string_view rest) {
  std::string out;
  if (rest.empty() || rest.front() != '"') return std::string(rest.substr(0, rest.find(',')));
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      if (i + 1 >= rest.size() || rest[i + 1] != '"') break;
      ++i;
    }
    out += rest[i];
  }
  return out;
}

Result<Parts> csv_parts(std::string_view text) {
  const auto mark = text.rfind("\r\n" + std::string(kSignedRow));
  if (mark == std::string_view::npos)
    return wrong("not-signed", "the rows are not signed: the last one would be a signed_statement");
  const auto row = mark + 2;
  const std::string field = quoted_field(text.substr(row + kSignedRow.size()));
  auto statement = statement_from(field);
  if (!statement) return statement.error();
  std::string columns;
  append_csv_field(columns, field);
  std::string_view behind = text.substr(row + kSignedRow.size());
  behind.remove_prefix(std::min(columns.size(), behind.size()));
  if (behind.find_first_not_of(",\r\n") != std::string_view::npos)
    return wrong("altered", "something stands behind the signed statement");
  return Parts{"csv", *std::move(statement), std::string(text.substr(0, row))};
}

Result<Parts> parts_of(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return wrong("not-a-report", "the file is empty");
  if (text.substr(first).starts_with("{")) {
    auto statement = statement_from(text);
    if (!statement) return statement.error();
    return Parts{"json", *std::move(statement), {}};
  }
  if (text.substr(first).starts_with("<")) return html_parts(text);
  if (text.substr(first).starts_with("record,")) return csv_parts(text);
  return wrong("not-a-report",
               "that is no tillsync report: it is neither its JSON, nor its page, nor its CSV");
}

/// What the statement says of the form that it stands in.
Result<void> check_rendering(const Parts& parts) {
  const json::Value* const rendered = parts.statement.find("rendering");
  if (parts.form == "json" && rendered == nullptr) return ok();
  if (rendered == nullptr || rendered->text_of("form") != parts.form)
    return wrong("altered", "the signature is of another form of the report than this " + parts.form);
  if (rendered->text_of("sha256") != to_hex(sha256(parts.hashed)))
    return wrong("altered", "what can be read in the " + parts.form +
                                " is not what was signed: its SHA-256 is another than the signed one");
  return ok();
}

}  // namespace

json::Value signed_statement(const json::Value& statement, const SigningKey& key) {
  json::Object out = without(statement, "signature");
  const std::string value = key.sign(signed_bytes(out));
  out.emplace_back("signature", json::Object{{"algorithm", kAlgorithm},
                                             {"key", to_hex(key.public_key())},
                                             {"value", to_base64(value)}});
  return out;
}

std::string signed_json_text(json::Value report, const SigningKey* key) {
  return json::dump(key == nullptr ? report : signed_statement(report, *key));
}

std::string signed_html(std::string page, json::Value report, const SigningKey* key) {
  const auto at = page.rfind(kBodyEnd);
  if (key == nullptr || at == std::string::npos) return page;
  report.as_object()->emplace_back("rendering", rendering("html", page));
  const std::string script = std::string(kScriptBegin) +
                             fit_for_script(json::dump(signed_statement(report, *key))) +
                             std::string(kScriptEnd);
  return page.insert(at, script);
}

std::string signed_csv(std::string rows, const json::Value& report, std::size_t columns,
                       const SigningKey* key) {
  if (key == nullptr) return rows;
  const json::Value* const journal = report.find("journal");
  json::Object statement;
  for (const char* name : {"store", "from", "to", "generated_at", "balanced"})
    statement.emplace_back(name, member_or_null(report, name));
  statement.emplace_back("head", journal == nullptr ? json::Value() : member_or_null(*journal, "head"));
  statement.emplace_back("rendering", rendering("csv", rows));
  rows += kSignedRow;
  append_csv_field(rows, json::dump(signed_statement(statement, *key)));
  if (columns > 2) rows.append(columns - 2, ',');
  rows += "\r\n";
  return rows;
}

Result<CheckedReport> check_report(std::string_view text, const std::vector<std::string>& trusted) {
  auto parts = parts_of(text);
  if (!parts) return parts.error();
  const json::Value* const signature = parts->statement.find("signature");
  if (signature == nullptr || signature->is_null())
    return wrong("not-signed", "the report is not signed; ask the store for one, and see its log for why");
  if (signature->text_of("algorithm") != kAlgorithm || signature->as_object()->size() != 3)
    return wrong("altered", "the signature is not one of Ed25519: algorithm, key and value");
  const auto key_bytes = from_hex(signature->text_of("key"));
  const auto value = from_base64(signature->text_of("value"));
  if (!key_bytes || key_bytes->size() != kKeyBytes || to_hex(*key_bytes) != signature->text_of("key") ||
      !value)
    return wrong("altered", "the signature's key or value is cut or mistyped");
  const auto key = VerifyingKey::from_bytes(*key_bytes);
  if (!key) return wrong("altered", "the signature's key is none");
  if (!key->verifies(signed_bytes(parts->statement), *value))
    return wrong("altered", "the report is not what was signed: the signature does not fit its content");
  if (auto fits = check_rendering(*parts); !fits) return fits.error();
  CheckedReport checked{parts->form, std::move(parts->statement), to_hex(*key_bytes), false};
  checked.trusted = std::find(trusted.begin(), trusted.end(), *key_bytes) != trusted.end();
  return checked;
}

Result<std::string> public_key_from_text(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  const auto end = text.find_last_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return wrong("key", "the key is empty; see `tillsync report key`");
  text = text.substr(begin, end - begin + 1);
  if (text.starts_with("-----BEGIN")) {
    auto key = VerifyingKey::from_pem(text);
    if (!key) return key.error();
    return key->public_key();
  }
  auto bytes = from_hex(text);
  if (!bytes || bytes->size() != kKeyBytes)
    return wrong("key", "a public key is 64 hexadecimal digits, or a PEM file; see `tillsync report key`");
  return *std::move(bytes);
}

}  // namespace tillsync
