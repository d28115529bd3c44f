#include "agent/access/access_list.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "agent/access/access_file.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

using namespace tillsync;
using namespace tillsync::testing;
using namespace std::chrono_literals;
using Refusal = AccessList::Refusal;

namespace {

constexpr UtcTime kNow{std::chrono::seconds(1'800'000'000)};

AccessList::Given give(AccessList& list, const std::string& name, AccessKind kind = AccessKind::kTerminal,
                       std::optional<UtcTime> expires = std::nullopt) {
  static SeededRandom random(7);
  auto given = list.add({kind, name, AccessRole::kOperate, expires, "jane"}, random, kNow);
  REQUIRE(given.has_value());
  return *given;
}

}  // namespace

TEST_CASE("access list: a token opens while it is live, and for its own API alone") {
  AccessList list;
  const auto till = give(list, "T1");
  const auto ops = give(list, "head-office", AccessKind::kOperator, kNow + 24h);
  CHECK(list.check(AccessKind::kTerminal, till.token, kNow).refusal == Refusal::kNone);
  CHECK(list.check(AccessKind::kTerminal, till.token, kNow).entry->name == "T1");
  CHECK(list.check(AccessKind::kOperator, till.token, kNow).refusal == Refusal::kOtherKind);
  CHECK(list.check(AccessKind::kOperator, ops.token, kNow + 24h - 1us).refusal == Refusal::kNone);
  CHECK(list.check(AccessKind::kOperator, ops.token, kNow + 24h).refusal == Refusal::kExpired);
  REQUIRE(list.revoke(AccessKind::kTerminal, "T1", "", "joe", kNow).has_value());
  CHECK(list.check(AccessKind::kTerminal, till.token, kNow).refusal == Refusal::kRevoked);
}

TEST_CASE("access list: what is nearly a token is none") {
  AccessList list;
  const std::string token = give(list, "T1").token;
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    other[i] = other[i] == 'a' ? 'b' : 'a';
    CAPTURE(i);
    CHECK(list.check(AccessKind::kTerminal, other, kNow).entry == nullptr);
    CHECK(list.check(AccessKind::kTerminal, token.substr(0, i), kNow).entry == nullptr);
  }
  CHECK(list.check(AccessKind::kTerminal, token + "a", kNow).entry == nullptr);
  CHECK(list.check(AccessKind::kTerminal, std::string(1'000'000, 'a'), kNow).refusal == Refusal::kUnknown);
}

TEST_CASE("access list: the text holds no token, and reads back as it was") {
  AccessList list;
  const auto a = give(list, "T1"), b = give(list, "head-office", AccessKind::kOperator, kNow + 24h);
  REQUIRE(list.revoke(AccessKind::kTerminal, "T1", a.entry.id, "joe", kNow + 1s).has_value());
  const std::string text = list.text();
  for (const auto& given : {a, b}) {
    CHECK(text.find(given.entry.id) != std::string::npos);
    CHECK(text.find(given.token.substr(given.token.rfind('.') + 1)) == std::string::npos);
  }
  const auto again = AccessList::parse(text);
  REQUIRE(again.has_value());
  CHECK(*again == list);
  CHECK(again->text() == text);
  CHECK(AccessList::parse(AccessList().text())->entries().empty());
}

TEST_CASE("access list: two tokens of one name serve while one takes the other's place") {
  AccessList list;
  const auto old = give(list, "T1"), fresh = give(list, "T1");
  CHECK(old.entry.id != fresh.entry.id);
  CHECK(old.entry.salt != fresh.entry.salt);
  CHECK(*list.revoke(AccessKind::kTerminal, "T1", old.entry.id, "joe", kNow) == 1);
  CHECK(list.check(AccessKind::kTerminal, old.token, kNow).refusal == Refusal::kRevoked);
  CHECK(list.check(AccessKind::kTerminal, fresh.token, kNow).refusal == Refusal::kNone);
  for (int i = 0; i < 3; ++i) give(list, "T1");
  SeededRandom random(1);
  const auto fifth = list.add({AccessKind::kTerminal, "T1", {}, {}, "jane"}, random, kNow);
  REQUIRE(!fifth);
  CHECK(fifth.error().detail.find("revoke") != std::string::npos);
}

TEST_CASE("access list: names that no document could carry, ends in the past and unknown names are refused") {
  AccessList list;
  SeededRandom random(1);
  for (const std::string name : {"", "a b", "a/b", std::string(33, 'a').c_str()})
    CHECK(!list.add({AccessKind::kTerminal, name, {}, {}, "jane"}, random, kNow));
  CHECK(!list.add({AccessKind::kTerminal, "T1", {}, kNow, "jane"}, random, kNow));
  CHECK(list.revoke(AccessKind::kTerminal, "T1", "", "joe", kNow).error().kind == ErrorKind::kNotFound);
  give(list, "T1");
  CHECK(!list.revoke(AccessKind::kOperator, "T1", "", "joe", kNow));
  CHECK(!list.revoke(AccessKind::kTerminal, "T1", "000000000000", "joe", kNow));
}

TEST_CASE("access list: a text that is not its own is refused with what is wrong") {
  AccessList list;
  give(list, "head-office", AccessKind::kOperator);
  const std::string good = list.text();
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return AccessList::parse(text.replace(at, from.size(), to));
  };
  CHECK(!AccessList::parse(""));
  CHECK(!AccessList::parse("{}"));
  CHECK(!AccessList::parse(good.substr(0, good.size() / 2)));
  CHECK(!with("\"version\":1", "\"version\":2"));
  CHECK(!with("\"kind\":\"operator\"", "\"kind\":\"owner\""));
  CHECK(!with("\"role\":\"operate\"", "\"role\":\"all\""));
  CHECK(!with("\"hash\":\"", "\"hash\":\"zz"));
  CHECK(!with("\"created_at\":\"2", "\"created_at\":\"x"));
}

TEST_CASE("access changes: what was added, revoked, edited or taken out is told with who did it") {
  AccessList before;
  const auto kept = give(before, "T1"), gone = give(before, "T2");
  AccessList after = before;
  REQUIRE(after.revoke(AccessKind::kTerminal, "T1", "", "joe", kNow).has_value());
  const auto added = give(after, "head-office", AccessKind::kOperator);
  auto events = access_changes(before, after);
  REQUIRE(events.size() == 2);
  CHECK(events[0].what == "terminal-revoked");
  CHECK(events[0].subject == "T1");
  CHECK(events[0].by == "joe");
  CHECK(events[1].what == "operator-added");
  CHECK(events[1].by == "jane");
  CHECK(events[1].detail == "token " + added.entry.id + ", role operate");
  CHECK(access_changes(after, after).empty());
  std::string edited = after.text();
  edited.replace(edited.find("\"role\":\"operate\""), 16, "\"role\":\"read\"");
  events = access_changes(after, *AccessList::parse(edited));
  REQUIRE(events.size() == 1);
  CHECK(events[0].what == "operator-changed");
  CHECK(events[0].by.empty());
  events = access_changes(before, AccessList());
  REQUIRE(events.size() == 2);
  CHECK(events[1].what == "terminal-removed");
  CHECK(events[1].subject == "T2");
}

TEST_CASE(
    "access watch: changes are told once, also those made while nobody looked, and a broken file changes "
    "nothing") {
  TempDir dir;
  const std::string folder = dir.path().string();
  std::vector<AuditEvent> told;
  const AuditSink sink = [&](const AuditEvent& event) { told.push_back(event); };
  const auto add = [&](const std::string& name) {
    REQUIRE(change_access(folder, [&](AccessList& list) -> Result<void> {
              give(list, name);
              return ok();
            }).has_value());
  };
  {
    AccessWatch watch(folder, sink);
    watch.look();
    CHECK(told.empty());
    add("T1");
    watch.look();
    watch.look();
    REQUIRE(told.size() == 1);
    CHECK(told[0].what == "terminal-added");
  }
  add("T2");
  AccessWatch watch(folder, sink);
  watch.look();
  REQUIRE(told.size() == 2);
  CHECK(told[1].subject == "T2");
  std::ofstream(access_file(folder)) << "{";
  watch.look();
  CHECK(told.size() == 2);
  CHECK(watch.list().entries().size() == 2);
  CHECK(!change_access(folder, [](AccessList&) { return ok(); }).has_value());
}

TEST_CASE("access file: nobody but its owner may read it, and a change that fails changes nothing") {
  TempDir dir;
  const std::string folder = dir.path().string();
  AccessList list;
  give(list, "T1");
  REQUIRE(save_access(access_file(folder), list).has_value());
  using std::filesystem::perms;
  CHECK(std::filesystem::status(access_file(folder)).permissions() ==
        (perms::owner_read | perms::owner_write));
  const auto failed = change_access(folder, [](AccessList& changed) -> Result<void> {
    changed = AccessList();
    return Error{ErrorKind::kInvalid, "test", "no"};
  });
  CHECK(!failed.has_value());
  CHECK(*load_access(access_file(folder)) == list);
  CHECK(change_access(dir.file("none"), [](AccessList&) { return ok(); }).error().kind ==
        ErrorKind::kStorage);
}
