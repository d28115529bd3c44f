#include "outbox/delivery/key_table.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>

using namespace tillsync;

namespace {

/// The rule itself, by looking at everybody: on how many keys does `user` wait?
struct Reference {
  std::map<DeliveryKey, std::vector<OrderingKey>> users;

  std::uint32_t waits(const DeliveryKey& user) const {
    std::uint32_t count = 0;
    for (const OrderingKey& mine : users.at(user)) {
      const bool waits = std::any_of(users.begin(), users.end(), [&](const auto& other) {
        return other.first.document < user.document &&
               std::any_of(other.second.begin(), other.second.end(), [&](const OrderingKey& theirs) {
                 return theirs.hash == mine.hash &&
                        (mine.use == KeyUse::kExclusive || theirs.use == KeyUse::kExclusive);
               });
      });
      count += waits ? 1 : 0;
    }
    return count;
  }
};

std::vector<OrderingKey> some_keys() {
  std::vector<OrderingKey> keys;
  for (int n = *rc::gen::inRange(0, 5); n > 0; --n) {
    keys.push_back({*rc::gen::inRange<std::uint64_t>(0, 6),
                    *rc::gen::inRange(0, 3) == 0 ? KeyUse::kExclusive : KeyUse::kShared});
  }
  normalise(keys);
  return keys;
}

}  // namespace

TEST_CASE("key table: waits are those of the rule, after any entries, leaves and changes in any order (I4)") {
  const bool held = rc::check([] {
    KeyTable table;
    Reference reference;
    std::map<DeliveryKey, KeyUser> users;
    std::map<DeliveryKey, bool> free;  // as told by `changed`
    for (int action = *rc::gen::inRange(0, 60); action > 0; --action) {
      std::vector<KeyUser*> changed;
      if (users.empty() || *rc::gen::inRange(0, 5) < 3) {
        const DeliveryKey key{Sequence{*rc::gen::inRange<std::int64_t>(1, 40)},
                              *rc::gen::inRange(0, 2) == 0 ? "a" : "b"};
        if (users.count(key)) continue;
        users[key].key = key;
        reference.users[key] = some_keys();
        table.add(users[key], reference.users[key], changed);
        free[key] = users[key].key_waits == 0;
      } else {
        auto at = users.begin();
        std::advance(at, *rc::gen::inRange<std::size_t>(0, users.size()));
        const DeliveryKey key = at->first;
        table.remove(at->second, changed);
        reference.users.erase(key);
        if (*rc::gen::inRange(0, 3) == 0) {  // amended: new keys in the old place
          reference.users[key] = some_keys();
          table.add(at->second, reference.users[key], changed);
          free[key] = at->second.key_waits == 0;
        } else {
          users.erase(at);
          free.erase(key);
        }
      }
      for (const KeyUser* user : changed) free[user->key] = user->key_waits == 0;
      for (const auto& [key, user] : users) {
        RC_ASSERT(user.key_waits == reference.waits(key));
        RC_ASSERT(free[key] == (user.key_waits == 0));
      }
    }
    std::vector<KeyUser*> changed;
    for (auto& [key, user] : users) table.remove(user, changed);
    RC_ASSERT(table.keys() == 0u);
  });
  CHECK(held);
}

TEST_CASE("key table: steps of one document do not wait for each other") {
  KeyTable table;
  KeyUser first{{Sequence{1}, "check"}, {}, 0};
  KeyUser second{{Sequence{1}, "post"}, {}, 0};
  KeyUser later{{Sequence{2}, "check"}, {}, 0};
  std::vector<KeyUser*> changed;
  for (KeyUser* user : {&first, &second, &later}) table.add(*user, {{7, KeyUse::kExclusive}}, changed);
  CHECK(second.key_waits == 0);
  CHECK(later.key_waits == 1);
  table.remove(first, changed);
  CHECK(later.key_waits == 1);
  table.remove(second, changed);
  CHECK(later.key_waits == 0);
}
