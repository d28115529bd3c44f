// Who may call from beyond this machine: terminals that post, operators who look and decide. A plain object.
//
// A token is "ts1.ID.SECRET": 48 bits that find its entry, and 256 random bits. What is kept is a salted
// SHA-256 of it: nobody tries 2^256 tokens, so a slow hash, which makes people's passwords bearable, would
// only make each post slow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "platform/base/random.h"
#include "platform/base/result.h"
#include "platform/base/time.h"

namespace tillsync {

/// What every token that is made here begins with.
inline constexpr std::string_view kTokenPrefix = "ts1.";

enum class AccessKind { kTerminal, kOperator };
std::string_view access_kind_name(AccessKind kind);

enum class AccessRole { kRead, kOperate };
std::string_view access_role_name(AccessRole role);
/// "read", "operate".
std::optional<AccessRole> access_role(std::string_view name);

/// One token, once given out and perhaps revoked since.
struct AccessEntry {
  std::string id;  ///< 12 lower-case hexadecimal digits
  AccessKind kind = AccessKind::kTerminal;
  std::string name;
  AccessRole role = AccessRole::kRead;  ///< of an operator
  std::string salt, hash;               ///< hexadecimal
  UtcTime created_at{};
  std::string created_by;
  std::optional<UtcTime> expires_at;
  std::optional<UtcTime> revoked_at;
  std::string revoked_by;

  bool expired(UtcTime now) const { return expires_at && now >= *expires_at; }
  bool live(UtcTime now) const { return !revoked_at && !expired(now); }
  bool operator==(const AccessEntry&) const = default;
};

class AccessList {
 public:
  /// Entries, revoked ones among them.
  static constexpr std::size_t kEntriesMax = 10'000;
  static constexpr std::size_t kBytesMax = 8 * 1024 * 1024;
  /// Live tokens of one name: the one in use and the one that takes its place, and some room.
  static constexpr std::size_t kLiveMax = 4;

  /// kCorrupt `access-list` says what is wrong with the text.
  static Result<AccessList> parse(std::string_view text);
  std::string text() const;

  struct Grant {
    AccessKind kind = AccessKind::kTerminal;
    std::string name;
    AccessRole role = AccessRole::kRead;
    std::optional<UtcTime> expires_at;
    std::string by;
  };
  struct Given {
    AccessEntry entry;
    std::string token;  ///< shown once, kept nowhere
  };
  /// kInvalid: a name that documents could not carry, an end in the past, too many live tokens or entries.
  Result<Given> add(const Grant& grant, Random& random, UtcTime now);
  /// Revokes the live tokens of that name, or only the one with `id` where it is not empty; returns how many.
  /// kNotFound where there is none.
  Result<std::size_t> revoke(AccessKind kind, std::string_view name, std::string_view id,
                             const std::string& by, UtcTime now);

  enum class Refusal { kNone, kUnknown, kWrong, kRevoked, kExpired, kOtherKind };
  struct Check {
    const AccessEntry* entry = nullptr;  ///< where refusal is neither kUnknown nor kWrong; the list's
    Refusal refusal = Refusal::kUnknown;
  };
  Check check(AccessKind kind, std::string_view token, UtcTime now) const;

  const std::vector<AccessEntry>& entries() const { return entries_; }
  const AccessEntry* find(std::string_view id) const;
  bool operator==(const AccessList& other) const { return entries_ == other.entries_; }

 private:
  void append(AccessEntry entry);

  std::vector<AccessEntry> entries_;  ///< in the order in which they were made
  std::unordered_map<std::string, std::size_t> by_id_;
};

/// "" or what is wrong with the name, worded to follow it.
std::string access_name_fault(AccessKind kind, std::string_view name);
/// "unknown", "revoked", ... for logs.
std::string_view refusal_name(AccessList::Refusal refusal);

}  // namespace tillsync
