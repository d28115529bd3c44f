#include <doctest/doctest.h>

#include "config/settings.h"

using namespace tillsync;

namespace {

// Five lines before each case's own text, so that its first line is 6.
const std::string kHead =
    "[store]\nid = \"0417\"\ncurrency = \"GBP\"\n[journal]\npath = \"/var/lib/tillsync\"\n";

LoadedSettings load(const std::string& text) {
  return parse_settings(kHead + text, "/etc/tillsync/t.toml");
}

/// Exactly one mistake, on that line, saying each of the words.
void expect(const std::string& text, std::int64_t line, const std::vector<std::string>& words) {
  const auto loaded = load(text);
  CAPTURE(text);
  for (const auto& mistake : loaded.mistakes) INFO(mistake.text());
  REQUIRE(loaded.mistakes.size() == 1);
  CHECK(loaded.mistakes[0].line == line);
  for (const auto& word : words) {
    CAPTURE(word);
    CAPTURE(loaded.mistakes[0].detail);
    CHECK(loaded.mistakes[0].detail.find(word) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("intakes: a folder is all that is needed beside its format") {
  const auto loaded = load("[intake.tills]\nfolder = \"in\"\nformat = \"poslog\"\n");
  CHECK(loaded.mistakes.empty());
  REQUIRE(loaded.settings.intakes.size() == 1);
  const auto& intake = loaded.settings.intakes.at("tills");
  CHECK(intake.folder == "/etc/tillsync/in");
  CHECK(intake.format == "poslog");
  CHECK(intake.terminal.empty());
  CHECK(intake.settle == std::chrono::seconds(2));
  CHECK(intake.scan_every == std::chrono::seconds(10));
}

TEST_CASE("intakes: every key is read") {
  const auto loaded = load(
      "[intake.a]\nfolder = \"/srv/a\"\nformat = \"ndjson\"\nterminal = \"T:9\"\nsettle_s = 0\nscan_every_s "
      "= "
      "0.5\n[intake.b]\nfolder = \"/srv/ab\"\nformat = \"ndjson\"\n");
  CHECK(loaded.mistakes.empty());
  const auto& intake = loaded.settings.intakes.at("a");
  CHECK(intake.terminal == "T:9");
  CHECK(intake.settle == std::chrono::seconds(0));
  CHECK(intake.scan_every == std::chrono::milliseconds(500));
}

TEST_CASE("intakes: each mistake has its line and its cure") {
  expect("[intake.a]\nformat = \"ndjson\"\n", 6, {"folder is missing"});
  expect("[intake.a]\nfolder = \"/srv/a\"\n", 6, {"format is missing", "\"poslog\"", "\"ndjson\""});
  expect("[intake.a]\nfolder = \"/srv/a\"\nformat = \"csv\"\n", 8, {"must be one of", "\"csv\""});
  expect("[intake.a]\nfolder = \"\"\nformat = \"ndjson\"\n", 7, {"must not be empty"});
  expect("[intake.a]\nfolder = \"/srv/a\"\nformat = \"ndjson\"\nterminal = \"T 1\"\n", 9, {"A-Z a-z 0-9"});
  expect("[intake.a]\nfolder = \"/srv/a\"\nformat = \"ndjson\"\nsettle_s = -1\n", 9,
         {"from 0 to 3600 seconds"});
  expect("[intake.a]\nfolder = \"/srv/a\"\nformat = \"ndjson\"\nscan_every_s = 0\n", 9, {"0.1 to 3600"});
  expect("[intake.a]\nfolder = \"/srv/a\"\nformat = \"ndjson\"\nsetle_s = 1\n", 9,
         {"unknown key", "settle_s"});
  expect("[intake.\"A b\"]\nfolder = \"/srv/a\"\nformat = \"ndjson\"\n", 6, {"1 to 32 of the letters"});
  expect("[intakes.a]\nfolder = \"/srv/a\"\n", 6, {"unknown section", "intake"});
}

TEST_CASE("intakes: none shares a folder with another, or with the journal") {
  const std::string one = "[intake.a]\nfolder = \"/srv/a\"\nformat = \"ndjson\"\n";
  expect(one + "[intake.b]\nfolder = \"/srv/a/\"\nformat = \"poslog\"\n", 9,
         {"[intake.a]", "folder of its own"});
  expect(one + "[intake.b]\nfolder = \"/srv/a/done\"\nformat = \"poslog\"\n", 9, {"lie in each other"});
  expect("[intake.a]\nfolder = \"/var/lib/tillsync/in\"\nformat = \"ndjson\"\n", 6, {"[journal] path"});
  expect("[intake.a]\nfolder = \"/var/lib\"\nformat = \"ndjson\"\n", 6, {"[journal] path"});
}

TEST_CASE("intakes: there are 16 at most") {
  std::string text;
  for (int i = 0; i < 17; ++i)
    text += "[intake.i" + std::to_string(i) + "]\nfolder = \"/srv/" + std::to_string(i) +
            "\"\nformat = \"ndjson\"\n";
  const auto loaded = load(text);
  REQUIRE(loaded.mistakes.size() == 1);
  CHECK(loaded.mistakes[0].detail.find("more than 16 intakes") != std::string::npos);
}
