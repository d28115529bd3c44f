#include "agent/access/access_list.h"

#include <algorithm>

#include "config/checks.h"
#include "platform/crypto/base64.h"
#include "platform/crypto/equal.h"
#include "platform/crypto/sha256.h"
#include "platform/json/json.h"

namespace tillsync {
namespace {

constexpr std::size_t kIdDigits = 12;
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kTokenBytesMax = 128;
constexpr std::size_t kOperatorNameMax = 64;
constexpr std::size_t kByBytesMax = 256;
constexpr std::int64_t kVersion = 1;

std::string random_bytes(Random& random, std::size_t count) {
  std::string bytes;
  while (bytes.size() < count) {
    std::uint64_t word = random.next();
    for (int i = 0; i < 8 && bytes.size() < count; ++i, word >>= 8)
      bytes.push_back(static_cast<char>(word & 0xff));
  }
  return bytes;
}

std::string digest_of(const std::string& salt_hex, std::string_view token) {
  return to_hex(Sha256().update(from_hex(salt_hex).value_or("")).update(token).finish());
}

/// The id within a token; "" where it is none.
std::string_view id_of(std::string_view token) {
  if (token.size() > kTokenBytesMax || !token.starts_with(kTokenPrefix)) return {};
  const auto dot = token.find('.', kTokenPrefix.size());
  if (dot == std::string_view::npos || dot - kTokenPrefix.size() != kIdDigits) return {};
  return token.substr(kTokenPrefix.size(), kIdDigits);
}

json::Value time_json(const std::optional<UtcTime>& time) {
  return time ? json::Value(format_utc(*time)) : json::Value();
}

Error broken(const std::string& why) {
  return {ErrorKind::kCorrupt, "access-list", why};
}

Result<std::optional<UtcTime>> time_in(const json::Value& entry, std::string_view member) {
  const json::Value* value = entry.find(member);
  if (value == nullptr || value->is_null()) return std::optional<UtcTime>();
  const auto time = OffsetTime::parse(entry.text_of(member));
  if (!time) return broken("an entry's " + std::string(member) + " is no time");
  return std::optional<UtcTime>(std::chrono::floor<UtcTime::duration>(time->utc));
}

Result<AccessEntry> entry_in(const json::Value& value) {
  AccessEntry entry;
  entry.id = value.text_of("id");
  entry.name = value.text_of("name");
  entry.salt = value.text_of("salt");
  entry.hash = value.text_of("hash");
  entry.created_by = value.text_of("created_by");
  entry.revoked_by = value.text_of("revoked_by");
  const auto kind = value.text_of("kind");
  if (kind != "terminal" && kind != "operator")
    return broken("an entry's kind is neither terminal nor operator");
  entry.kind = kind == "terminal" ? AccessKind::kTerminal : AccessKind::kOperator;
  if (entry.kind == AccessKind::kOperator) {
    const auto role = access_role(value.text_of("role"));
    if (!role) return broken("an operator's role is neither read nor operate");
    entry.role = *role;
  }
  if (entry.id.size() != kIdDigits || !access_name_fault(entry.kind, entry.name).empty())
    return broken("an entry has no id or no name");
  if (entry.hash.size() != 64 || !from_hex(entry.hash) || entry.salt.empty() || !from_hex(entry.salt))
    return broken("an entry's salt or hash is not what tillsync writes");
  const auto created = time_in(value, "created_at");
  const auto expires = time_in(value, "expires_at");
  const auto revoked = time_in(value, "revoked_at");
  for (const auto* time : {&created, &expires, &revoked}) {
    if (!*time) return time->error();
  }
  entry.created_at = created->value_or(UtcTime{});
  entry.expires_at = *expires;
  entry.revoked_at = *revoked;
  return entry;
}

}  // namespace

std::string_view access_kind_name(AccessKind kind) {
  return kind == AccessKind::kTerminal ? "terminal" : "operator";
}

std::string_view access_role_name(AccessRole role) {
  return role == AccessRole::kRead ? "read" : "operate";
}

std::optional<AccessRole> access_role(std::string_view name) {
  if (name == "read") return AccessRole::kRead;
  if (name == "operate") return AccessRole::kOperate;
  return std::nullopt;
}

std::string_view refusal_name(AccessList::Refusal refusal) {
  switch (refusal) {
    case AccessList::Refusal::kNone:
      return "none";
    case AccessList::Refusal::kUnknown:
      return "unknown";
    case AccessList::Refusal::kWrong:
      return "wrong";
    case AccessList::Refusal::kRevoked:
      return "revoked";
    case AccessList::Refusal::kExpired:
      return "expired";
    case AccessList::Refusal::kOtherKind:
      return "of the other API";
  }
  return "unknown";
}

std::string access_name_fault(AccessKind kind, std::string_view name) {
  if (name.empty()) return "is empty";
  if (kind == AccessKind::kTerminal) return config::check_terminal_or_none(name);
  const bool good = name.size() <= kOperatorNameMax && std::all_of(name.begin(), name.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                             c == '.' || c == '_' || c == '-' || c == '@';
                    });
  return good ? "" : "must be 1 to 64 of A-Z a-z 0-9 . _ - @";
}

Result<AccessList> AccessList::parse(std::string_view text) {
  if (text.size() > kBytesMax) return broken("it is larger than 8 MiB");
  const auto parsed = json::parse(text);
  if (!parsed) return broken("it is no JSON: " + parsed.error().detail);
  const json::Value* entries = parsed->find("entries");
  if (entries == nullptr || entries->as_array() == nullptr) return broken("it has no entries");
  if (parsed->integer_of("version") != kVersion) return broken("it is of another version of tillsync");
  if (entries->as_array()->size() > kEntriesMax) return broken("it has more than 10000 entries");
  AccessList list;
  for (const json::Value& each : *entries->as_array()) {
    auto entry = entry_in(each);
    if (!entry) return entry.error();
    if (list.find(entry->id) != nullptr) return broken("two entries have one id");
    list.append(std::move(*entry));
  }
  return list;
}

std::string AccessList::text() const {
  // An entry a line: for people who compare two of them.
  std::string out = "{\"version\":" + std::to_string(kVersion) + ",\"entries\":[";
  for (const AccessEntry& entry : entries_) {
    json::Object one{{"id", entry.id}, {"kind", access_kind_name(entry.kind)}, {"name", entry.name}};
    if (entry.kind == AccessKind::kOperator) one.emplace_back("role", access_role_name(entry.role));
    one.emplace_back("salt", entry.salt);
    one.emplace_back("hash", entry.hash);
    one.emplace_back("created_at", format_utc(entry.created_at));
    one.emplace_back("created_by", entry.created_by);
    one.emplace_back("expires_at", time_json(entry.expires_at));
    one.emplace_back("revoked_at", time_json(entry.revoked_at));
    one.emplace_back("revoked_by", entry.revoked_by);
    out += (&entry == &entries_.front() ? "\n" : ",\n") + json::dump(one);
  }
  return out + "\n]}\n";
}

Result<AccessList::Given> AccessList::add(const Grant& grant, Random& random, UtcTime now) {
  const auto wrong = [](std::string detail) {
    return Error{ErrorKind::kInvalid, "access", std::move(detail)};
  };
  if (const auto fault = access_name_fault(grant.kind, grant.name); !fault.empty())
    return wrong("the name \"" + grant.name + "\" " + fault);
  if (grant.expires_at && *grant.expires_at <= now)
    return wrong("it would have ended already; name a later day");
  if (entries_.size() >= kEntriesMax) {
    return wrong(
        "there are 10000 tokens, most of them revoked; keep a copy of access.json, and take old ones out "
        "of it");
  }
  const auto live = std::count_if(entries_.begin(), entries_.end(), [&](const AccessEntry& entry) {
    return entry.kind == grant.kind && entry.name == grant.name && entry.live(now);
  });
  if (static_cast<std::size_t>(live) >= kLiveMax)
    return wrong("\"" + grant.name + "\" has four tokens already; revoke those that are not in use");
  Given given;
  AccessEntry& entry = given.entry;
  do {
    entry.id = to_hex(random_bytes(random, kIdDigits / 2));
  } while (find(entry.id) != nullptr);
  given.token = std::string(kTokenPrefix) + entry.id + "." + to_base64url(random_bytes(random, kSecretBytes));
  entry.kind = grant.kind;
  entry.name = grant.name;
  if (grant.kind == AccessKind::kOperator) entry.role = grant.role;
  entry.salt = to_hex(random_bytes(random, 16));
  entry.hash = digest_of(entry.salt, given.token);
  entry.created_at = std::chrono::floor<std::chrono::milliseconds>(now);
  entry.created_by = grant.by.substr(0, kByBytesMax);
  entry.expires_at = grant.expires_at;
  append(entry);
  return given;
}

Result<std::size_t> AccessList::revoke(AccessKind kind, std::string_view name, std::string_view id,
                                       const std::string& by, UtcTime now) {
  std::size_t count = 0;
  for (AccessEntry& entry : entries_) {
    if (entry.kind != kind || entry.name != name || entry.revoked_at || (!id.empty() && entry.id != id))
      continue;
    entry.revoked_at = std::chrono::floor<std::chrono::milliseconds>(now);
    entry.revoked_by = by.substr(0, kByBytesMax);
    ++count;
  }
  if (count > 0) return count;
  return Error{ErrorKind::kNotFound, "access",
               std::string(access_kind_name(kind)) + " \"" + std::string(name) +
                   "\" has no such token; `tillsync " + std::string(access_kind_name(kind)) +
                   " list` shows those there are"};
}

AccessList::Check AccessList::check(AccessKind kind, std::string_view token, UtcTime now) const {
  const auto id = id_of(token);
  const AccessEntry* entry = id.empty() ? nullptr : find(id);
  if (entry == nullptr) return {};
  if (!equal_in_constant_time(digest_of(entry->salt, token), entry->hash)) return {nullptr, Refusal::kWrong};
  if (entry->revoked_at) return {entry, Refusal::kRevoked};
  if (entry->expired(now)) return {entry, Refusal::kExpired};
  return {entry, entry->kind == kind ? Refusal::kNone : Refusal::kOtherKind};
}

const AccessEntry* AccessList::find(std::string_view id) const {
  const auto found = by_id_.find(std::string(id));
  return found == by_id_.end() ? nullptr : &entries_[found->second];
}

void AccessList::append(AccessEntry entry) {
  by_id_[entry.id] = entries_.size();
  entries_.push_back(std::move(entry));
}

}  // namespace tillsync
