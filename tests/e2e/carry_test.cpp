// A journal carried by hand from one agent of the store to another, by the command line alone.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/e2e/shop.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {
namespace fs = std::filesystem;
}  // namespace

TEST_CASE(
    "carry: a second agent of the store takes over by a signed export, and central has one effect each") {
  Shop first;
  Store& old = first.store;
  std::string body;
  for (int i = 0; i < 30; ++i) body += simple_sale(fmt::format("S-{}", i)) + "\n";
  CHECK(old.post(body, kNdjson)->status == 200);
  CHECK(old.drain(20) == 0);
  // What comes now reaches central, but its answers are lost: they stay open in the old journal.
  first.central.faults("erp", R"({"reply_lost_after_commit":"100","faults_on_get":true})");
  CHECK(old.post(simple_sale("OPEN"))->status == 201);
  CHECK(first.settles("OPEN", "journaled"));
  CHECK(old.command({"journal", "keygen", "--out", old.file("k")}).status == 0);
  CHECK((fs::status(old.file("k")).permissions() & fs::perms::mask) ==
        (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(old.command({"journal", "keygen", "--out", old.file("k")}).status == 2);  // never overwritten
  CHECK(old.command({"journal", "export", "--sign", old.file("k"), "--out", old.file("x")}).status == 0);
  CHECK(old.command({"journal", "export", "--sign", old.file("k"), "--out", old.file("x")}).status == 2);
  CHECK(old.command({"journal", "export", "--sign", old.file("x"), "--out", old.file("y")}).status == 2);
  CHECK(old.stop() == 0);
  first.central.faults("erp", "{}");

  StoreOptions options;
  options.central = fmt::format("http://127.0.0.1:{}", first.central.port());
  Store fresh(options);
  const std::vector<std::string> import{"journal", "import", old.file("x"), "--trust", old.file("k") + ".pub",
                                        "--json"};
  fresh.start();
  CHECK(fresh.command(import).status == 3);  // the daemon runs
  CHECK(fresh.stop() == 0);

  auto altered = file_text(old.file("x"));
  altered[altered.size() / 2] = static_cast<char>(altered[altered.size() / 2] ^ 1);
  std::ofstream(old.file("altered"), std::ios::binary) << altered;
  const auto refused =
      fresh.command({"journal", "import", old.file("altered"), "--trust", old.file("k") + ".pub"});
  CHECK(refused.status == 2);
  CHECK(refused.errors.find("nothing was imported") != std::string::npos);

  const auto imported = fresh.command(import);
  CHECK_MESSAGE(imported.status == 0, imported.errors);
  CHECK(parsed(imported.output).integer_of("documents") == 31);
  CHECK(parsed(fresh.command(import).output).integer_of("appended", -1) == 0);
  CHECK(fresh.command({"journal", "verify"}).status == 0);
  const auto story = fresh.command({"explain", "OPEN"});
  CHECK(story.output.find("may have been sent from there") != std::string::npos);

  fresh.start();
  CHECK(fresh.post(body, kNdjson)->status == 200);  // tills may post to the new one what the old one has
  CHECK(fresh.drain(30) == 0);
  for (const char* target : {"erp", "crm"}) {
    const auto ledger = first.central.ledger(target);
    CHECK(ledger.integer_of("effects") == 31);  // (I3)
    CHECK(ledger.find("doubles")->as_array()->empty());
  }
  CHECK(fresh.settled_report("2026-11-20", "2026-11-20").exit_status == 0);
}
