#include <doctest/doctest.h>

#include <sstream>

#include "config/file_targets.h"
#include "config/settings.h"

using namespace tillsync;

namespace {

// Five lines, so that a target's own begin on line 6.
const std::string kStore =
    "[store]\nid = \"0417\"\ncurrency = \"GBP\"\n[targets.legacy]\nconnector = \"file\"\n";

std::string joined(const std::vector<SettingsMistake>& mistakes) {
  std::ostringstream all;
  for (const auto& mistake : mistakes) all << mistake.text() << "\n";
  return all.str();
}

void expect(const std::string& lines, std::int64_t line, const std::string& words) {
  const LoadedSettings loaded = parse_settings(kStore + lines, "/etc/tillsync/t.toml");
  const std::string all = joined(loaded.mistakes);
  CAPTURE(lines);
  CAPTURE(all);
  REQUIRE(loaded.mistakes.size() == 1);
  CHECK(loaded.mistakes[0].line == line);
  CHECK(loaded.mistakes[0].detail.find(words) != std::string::npos);
}

TargetSettings good(const std::string& lines) {
  const LoadedSettings loaded = parse_settings(kStore + lines, "/etc/tillsync/t.toml");
  const std::string all = joined(loaded.mistakes);
  CAPTURE(all);
  REQUIRE(loaded.mistakes.empty());
  return loaded.settings.targets.at("legacy");
}

const std::string kKey = "[targets.legacy.auth]\nkind = \"ssh_key\"\nuser = \"u\"\nkey_file = \"id\"\n";
const std::string kHosts = "[targets.legacy.file]\nknown_hosts = \"known_hosts\"\n";
const std::string kBasic = "[targets.legacy.auth]\nkind = \"basic\"\nuser = \"u\"\npassword = \"env:P\"\n";

}  // namespace

TEST_CASE("file targets: a folder, an SFTP and an FTPS server as store IT writes them") {
  CHECK(good("base_url = \"file:///var/spool/central/in\"\n").file.format == "csv");
  const auto sftp = good("base_url = \"sftp://files.example.com:2222/in\"\n" + kKey + kHosts);
  CHECK(sftp.auth.key_file == "/etc/tillsync/id");
  CHECK(sftp.file.known_hosts == "/etc/tillsync/known_hosts");
  CHECK(good("base_url = \"sftp://h/~/in\"\n" + kBasic +
             "[targets.legacy.file]\nhost_key_sha256 = \"SHA256:" + std::string(43, 'a') + "\"\n")
            .file.host_key_sha256.size() == 50);
  CHECK(
      good("base_url = \"ftps://h/in\"\nca_file = \"ca.pem\"\n" + kBasic +
           "[targets.legacy.file]\ntls = \"implicit\"\nformat = \"poslog\"\n[routes]\nsale = [\"legacy\"]\n")
          .file.tls == "implicit");
}

TEST_CASE("file targets: each mistake is told with its line and its cure") {
  expect("base_url = \"https://h/in\"\n", 6, "must start with file://, sftp:// or ftps://");
  expect("base_url = \"file://server/in\"\n", 6, "whole path");
  expect("base_url = \"file:///in/../out\"\n", 6, "upwards");
  expect("base_url = \"file:///in box\"\n", 6, "must have a path");
  expect("base_url = \"sftp://u@h/in\"\n" + kKey + kHosts, 6, "auth] table");
  expect("base_url = \"sftp://h/in;rm\"\n" + kKey + kHosts, 6, "must have a path");
  expect("base_url = \"sftp://h/in\"\n" + kHosts, 4, "ssh_key");
  expect("base_url = \"sftp://h/in\"\n" + kKey, 4, "known_hosts (a file) or host_key_sha256");
  expect("base_url = \"sftp://h/in\"\n" + kKey + kHosts +
             "host_key_sha256 = \"SHA256:" + std::string(43, 'a') + "\"\n",
         11, "not both");
  expect("base_url = \"sftp://h/in\"\n" + kKey + "[targets.legacy.file]\nhost_key_sha256 = \"d4:1d\"\n", 12,
         "ssh-keygen");
  expect("base_url = \"sftp://h/in\"\nca_file = \"x\"\n" + kKey + kHosts, 7, "no meaning for sftp://");
  expect("base_url = \"sftp://h/in\"\n[targets.legacy.auth]\nkind = \"ssh_key\"\nuser = \"u\"\n" + kHosts, 7,
         "key_file is missing");
  expect("base_url = \"ftps://h/in\"\n", 4, "user and password");
  expect("base_url = \"ftps://h/in\"\n" + kBasic + "[targets.legacy.file]\ntls = \"none\"\n", 12,
         "\"explicit\", \"implicit\"");
  expect("base_url = \"ftps://h/in\"\n" + kBasic + kHosts, 12, "known_hosts has no meaning");
  expect("base_url = \"file:///in\"\n" + kBasic, 7, "no meaning for file://");
  expect("base_url = \"file:///in\"\nproxy = \"http://p\"\n", 7, "no meaning");
  expect("base_url = \"file:///in\"\nconcurrency = 9\n", 7, "1 to 8");
  expect("base_url = \"file:///in\"\n[targets.legacy.file]\nformat = \"xls\"\n", 8, "\"csv\", \"poslog\"");
  expect("base_url = \"file:///in\"\n[targets.legacy.file]\nfromat = \"csv\"\n", 8, "format");
}

TEST_CASE("file targets: a route to a format that has no place for the type is refused at its line") {
  const std::string poslog = "base_url = \"file:///in\"\n[targets.legacy.file]\nformat = \"poslog\"\n";
  expect(poslog + "[routes]\nsale = [\"legacy\"]\nstock_count = [\"legacy\"]\n", 11,
         "POSLog has no place for a stock_count");
  expect(poslog, 4, "write [routes]");
  for (const std::string type : {"sale", "return", "till_close"}) CHECK(config::format_takes("poslog", type));
  for (const std::string type : {"stock_adjustment", "stock_transfer", "customer_update", "stock_count"}) {
    CHECK_FALSE(config::format_takes("poslog", type));
    CHECK(config::format_takes("csv", type));
  }
}

TEST_CASE("file targets: what is for files has no place in another target") {
  const std::string rest = "[store]\nid = \"0417\"\ncurrency = \"GBP\"\n[targets.erp]\n";
  const auto mistakes = [&](const std::string& lines) {
    return joined(parse_settings(rest + lines, "t.toml").mistakes);
  };
  CHECK(mistakes("base_url = \"sftp://h/in\"\n").find("is for connector = \"file\"") != std::string::npos);
  CHECK(mistakes("base_url = \"https://h\"\n[targets.erp.file]\nformat = \"csv\"\n").find("t.toml:6:") == 0);
  CHECK(mistakes("base_url = \"https://h\"\n[targets.erp.auth]\nkind = \"ssh_key\"\nuser = \"u\"\n"
                 "key_file = \"k\"\n")
            .find("sftp:// alone") != std::string::npos);
}
