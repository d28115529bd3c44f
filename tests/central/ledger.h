// What the stand-in central has taken, durably: one row per effect. Effects are never made one by their
// reference: only the idempotency key says whether a post is new, so that a double shows. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "platform/base/time.h"
#include "platform/json/json.h"
#include "platform/sqlite/database.h"
#include "tests/central/row_digest.h"

namespace tillsync::central {

/// A post's body (CONTRACT section 6), checked.
struct Post {
  std::string key;
  std::string reference;
  std::string step;
  std::string store;
  std::int64_t sequence = 0;
  json::Value document;
};

struct Effect {
  std::int64_t id = 0;
  std::string reference;
  std::string step;
  std::string store;
  std::int64_t sequence = 0;
  std::string type;
  std::string recorded_at;
  std::optional<std::string> currency;
  std::optional<std::string> total;
  std::string document;
};

struct Taken {
  enum class How { kNew, kKnown, kKeyReused } how = How::kNew;
  std::int64_t effect = 0;
};

struct Fact {
  std::string json;
  std::int64_t version = 0;
};

struct Change {
  std::int64_t id = 0;
  std::string path;
  std::int64_t version = 0;
};

struct Summary {
  std::int64_t effects = 0;
  std::int64_t documents = 0;  ///< distinct (reference, step)
  struct Double {
    std::string reference, step;
    std::int64_t count;
  };
  std::vector<Double> doubles;  ///< the first 100
  std::vector<std::pair<std::string, std::int64_t>> by_type;
};

/// A failure of the ledger's storage ends the program: a reference that cannot be trusted is none.
class Ledger {
 public:
  static Result<Ledger> open(const std::string& path, const Clock& clock);

  /// Takes posts as one transaction, in order; committed when it returns. A key older than `forget_after_s`
  /// is no longer known.
  std::vector<Taken> take(const std::string& target, const std::vector<Post>& posts,
                          std::optional<std::int64_t> forget_after_s);

  std::vector<Effect> by_reference(const std::string& target, const std::string& reference,
                                   const std::string& step);
  /// `day` "": any. Ordered by id, from behind `after`.
  std::vector<Effect> by_day(const std::string& target, const std::string& store, const std::string& day,
                             std::int64_t after, std::int64_t limit);
  /// Those of a day whose key begins with one of `prefixes`, likewise.
  std::vector<Effect> by_prefix(const std::string& target, const std::string& store, const std::string& day,
                                const std::vector<std::string>& prefixes, std::int64_t after,
                                std::int64_t limit);
  /// By business day, of days from `from` to `to`.
  std::map<std::string, RangeDigest> digests_by_day(const std::string& target, const std::string& store,
                                                    const std::string& from, const std::string& to);
  /// By prefix, one digit longer than `prefix`.
  std::map<std::string, RangeDigest> digests_by_prefix(const std::string& target, const std::string& store,
                                                       const std::string& day, const std::string& prefix);
  /// Returns of the sale `original` ("STORE/ID"), from any store, ordered by id.
  std::vector<Effect> returns_of(const std::string& target, const std::string& original);
  /// All of a target, ordered by id, from behind `after`.
  std::vector<Effect> all(const std::string& target, std::int64_t after, std::int64_t limit);
  Summary summary(const std::string& target);

  std::optional<Fact> fact(const std::string& target, const std::string& path);
  /// Sets a fact; its version grows by one. "null": there is no such row any more.
  void set_fact(const std::string& target, const std::string& path, const std::string& json);
  /// The last change's; 0 for none.
  std::int64_t last_change(const std::string& target);
  std::vector<Change> changes(const std::string& target, std::int64_t since, std::int64_t limit);

  /// Forgets everything about the target.
  void reset(const std::string& target);

 private:
  Ledger(sqlite::Database database, const Clock& clock);
  Result<void> prepare();
  Taken take_one(const std::string& target, const Post& post, std::optional<std::int64_t> forget_after_s);
  std::int64_t insert(const std::string& target, const Post& post);
  void apply_customer_update(const std::string& target, const json::Value& document);
  void insert_digest(const std::string& target, std::int64_t effect, const Post& post,
                     const std::optional<std::string>& total);
  std::vector<Effect> rows(sqlite::Statement& statement);
  std::map<std::string, RangeDigest> digests(sqlite::Statement& statement);

  sqlite::Database database_;
  const Clock* clock_;
  std::vector<sqlite::Statement> statements_;
};

/// "ERP-0000123" for target erp.
std::string central_reference(const std::string& target, std::int64_t effect);

}  // namespace tillsync::central
