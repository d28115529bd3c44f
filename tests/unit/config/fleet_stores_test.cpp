#include "config/fleet_stores.h"

#include <doctest/doctest.h>

using namespace tillsync;

namespace {

const std::string kKey(64, 'a');

std::string store(const std::string& id, const std::string& more) {
  return "[stores." + id + "]\n" + more;
}

void expect(const std::string& text, std::int64_t line, const std::string& part) {
  const LoadedFleet loaded = parse_fleet(text, "/etc/fleet/stores.toml");
  REQUIRE(!loaded.mistakes.empty());
  CHECK(loaded.mistakes[0].line == line);
  CHECK_MESSAGE(loaded.mistakes[0].detail.find(part) != std::string::npos, loaded.mistakes[0].detail);
}

}  // namespace

TEST_CASE("stores.toml: what it says arrives; paths are meant from its folder") {
  const LoadedFleet loaded =
      parse_fleet(store("0417", "url = \"https://a.example.com:7412/\"\ntoken = \"file:t/0417\"\nkey = \"" +
                                    kKey + "\"\nca_file = \"ca.pem\"\n") +
                      store("0418", "url = \"http://127.0.0.1:7412\"\nkey = \"0418.pub\"\n"),
                  "/etc/fleet/stores.toml");
  REQUIRE(loaded.mistakes.empty());
  REQUIRE(loaded.stores.size() == 2);
  const FleetStore& first = loaded.stores.at("0417");
  CHECK(first.url == "https://a.example.com:7412");
  CHECK(first.token.text == "file:/etc/fleet/t/0417");
  CHECK(first.key == kKey);
  CHECK(first.ca_file == "/etc/fleet/ca.pem");
  CHECK(loaded.stores.at("0418").key == "/etc/fleet/0418.pub");
}

TEST_CASE("stores.toml: each mistake with its line and cure") {
  const std::string url = "url = \"https://a\"\n", key = "key = \"" + kKey + "\"\n";
  expect("", 0, "names no store");
  expect("[stores.0417]\nurl = 3\n" + key, 2, "string in quotes");
  expect(store("0417", key), 1, "url is missing");
  expect(store("0417", url), 1, "`tillsync report key`");
  expect(store("0417", url + key + "tokn = \"\"\n"), 4, "did you mean \"token\"");
  expect(store("0417", "url = \"http://a.example.com\"\ntoken = \"env:T\"\n" + key), 1, "in the clear");
  expect(store("0417", url + key + "token = \"secret\"\n"), 4, "token");
  expect("[stores.\"a b\"]\n" + url + key, 1, "[stores.a b]");
  expect("[shops]\n" + store("0417", url + key), 1, "unknown key \"shops\"");
  expect("[stores.0417]\nurl = \n", 2, "mend the TOML");
  CHECK(load_fleet("/nowhere/stores.toml").mistakes.at(0).detail.find("--stores") != std::string::npos);
}
