#include "platform/jq/mapper.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/environment.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/platform/jq/worker_process.h"

using namespace tillsync;
using namespace std::chrono_literals;
using jq::Mapper;
using testing::jq_worker;

namespace {

std::string output_of(Mapper& mapper, const std::string& program, const std::string& input = "null") {
  const auto output = mapper.run_and_wait(program, input);
  return output ? *output : output.error().code + ": " + output.error().detail;
}

Error error_of(Mapper& mapper, const std::string& program, const std::string& input = "null") {
  const auto output = mapper.run_and_wait(program, input);
  return output ? Error{ErrorKind::kInternal, "it worked", *output} : output.error();
}

bool says(const Error& error, const std::string& words) {
  return error.detail.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("jq: a document is mapped to what a target wants") {
  Mapper mapper(jq_worker());
  CHECK(output_of(mapper,
                  R"({ref: .id, date: .sold_at[:10], lines: [.lines[] | {sku, qty: (.quantity | tonumber)}],
                              paid: ([.lines[].amount | tonumber] | add)})",
                  R"({"id": "S-1", "sold_at": "2026-11-26T09:00:00Z", "lines": [
                      {"sku": "A", "quantity": "2", "amount": "1.50"}, {"sku": "B", "quantity": "1", "amount": "3"}]})") ==
        R"({"ref":"S-1","date":"2026-11-26","lines":[{"sku":"A","qty":2},{"sku":"B","qty":1}],"paid":4.5})");
  CHECK(output_of(mapper, ".", "\"text\"") == "\"text\"");
  CHECK(output_of(mapper, "# with a comment\n.a", R"({"a": null})") == "null");
}

TEST_CASE("jq: a program that does not compile is told with its line") {
  Mapper mapper(jq_worker());
  const auto unknown = error_of(mapper, ".lines\n| map(nope(1))");
  CHECK(unknown.kind == ErrorKind::kInvalid);
  CHECK(unknown.code == "jq-program");
  CHECK(unknown.detail == "line 2: nope/1 is not defined");
  const auto checked = mapper.check("{\n  a: 1,\n  b: }\n");
  REQUIRE(!checked.has_value());
  CHECK(checked.error().code == "jq-program");
  CHECK(checked.error().detail.starts_with("line 3: syntax error"));
  CHECK(!says(checked.error(), "shell"));
  const auto hidden = mapper.check(std::string("1\0", 2) + "| nope");
  REQUIRE(!hidden.has_value());
  CHECK(hidden.error().code == "jq-program");
  CHECK(mapper.check(".a | map(.b)").has_value());
  CHECK(output_of(mapper, "1") == "1");
}

TEST_CASE("jq: a program that does not give exactly one output fails with its own words") {
  Mapper mapper(jq_worker());
  const auto failed_with = [&mapper](const std::string& program, const std::string& words) {
    CAPTURE(program);
    const auto error = error_of(mapper, program, "{\"a\": 1}");
    CHECK(error.kind == ErrorKind::kInvalid);
    CHECK(error.code == "jq-failed");
    CHECK(error.detail == words);
  };
  failed_with("error(\"no such tender\")", "no such tender");
  failed_with("error({code: 7})", "{\"code\":7}");
  failed_with("1 + {}", "number (1) and object ({}) cannot be added");
  failed_with("empty", "it has no output; it must have one");
  failed_with("1, 2", "it has more than one output; it must have one");
  failed_with("1, error(\"late\")", "late");
  CHECK(error_of(mapper, "error(\"x\" * 100000)").detail.size() < 4'000);
  CHECK(output_of(mapper, ".", "1") == "1");
}

TEST_CASE("jq: halting fails the program and not the next one") {
  Mapper mapper(jq_worker());
  for (const std::string program : {"halt", "\"why\" | halt_error", "{a: 1} | halt_error(3)", "1, halt"}) {
    CAPTURE(program);
    const auto error = error_of(mapper, program);
    CHECK(error.code == "jq-failed");
    CHECK(error.detail.starts_with("it halted"));
    CHECK(output_of(mapper, ".", "1") == "1");
    for (int again = 0; again < 20; ++again) REQUIRE(error_of(mapper, program).code == "jq-failed");
  }
  CHECK(says(error_of(mapper, "\"why\" | halt_error"), "why"));
}

TEST_CASE("jq: input that is not one JSON text is refused, and not repeated in the error") {
  Mapper mapper(jq_worker());
  for (const std::string input : {"", " ", "{", "4111111111111111x", "{} {}", "[4111111111111111,", "{}]"}) {
    CAPTURE(input);
    const auto error = error_of(mapper, ".", input);
    CHECK(error.kind == ErrorKind::kInvalid);
    CHECK(error.code == "jq-input");
    CHECK(!says(error, "4111111111111111"));
  }
  CHECK(output_of(mapper, ".", " [1] \n") == "[1]");
}

TEST_CASE("jq: what jq offers around the input gives nothing away, and does no harm") {
  Mapper mapper(jq_worker());
  for (const std::string program : {"debug", "stderr", "debug | stderr | debug"})
    CHECK(output_of(mapper, program, "[1]") == "[1]");
  CHECK(output_of(mapper, "now | type") == "\"number\"");
  CHECK(output_of(mapper, "0 | strflocaltime(\"%H:%M %Z\")") == "\"00:00 UTC\"");
  CHECK(output_of(mapper, "[input_filename, [inputs], get_search_list]") == "[null,[],[]]");
  for (const std::string program : {"input", "input_line_number", "\"x\" | modulemeta"})
    CHECK(error_of(mapper, program).code == "jq-failed");
}

TEST_CASE("jq: a program cannot take in files") {
  const testing::TempDir dir;
  std::ofstream(dir.file("x.jq")) << "def secret: 4711;";
  std::ofstream(dir.file("x.json")) << "4711";
  const std::string search = " {search: \"" + dir.path().string() + "\"}; ";
  Mapper mapper(jq_worker());
  for (const std::string& program :
       {"include \"x\"" + search + "secret", "import \"x\" as x" + search + "x::secret",
        "import \"x\" as $x" + search + "$x", "# here\n\n import \"x\" as $x" + search + "$x",
        "module {}; include \"x\"" + search + "secret"}) {
    CAPTURE(program);
    const auto error = error_of(mapper, program);
    CHECK(error.code == "jq-program");
    CHECK(says(error, "can take in no file"));
  }
  CHECK(output_of(mapper, "{import: .include}.import", "{\"include\": 1}") == "1");  // only words there
}

TEST_CASE("jq: a program sees nothing of our environment") {
  testing::set_environment("TILLSYNC_TEST_SECRET", "hush");
  Mapper mapper(jq_worker());
  CHECK(output_of(mapper, "[$ENV.TILLSYNC_TEST_SECRET, env.PATH, (env | keys)]") ==
        R"([null,null,["LC_ALL","TZ"]])");
  testing::unset_environment("TILLSYNC_TEST_SECRET");
}

TEST_CASE("jq: every character passes, and so does a large input") {
  Mapper mapper(jq_worker());
  const std::string text = R"({"t":"Grüße, 東京 🧾 \" \\ \u0000 \n"})";
  CHECK(output_of(mapper, ".", text) == text);
  CHECK(output_of(mapper, ".[0]", "[\"\xff\"]") == "\"\xef\xbf\xbd\"");  // no UTF-8: U+FFFD
  std::string large = "{\"t\":\"";
  while (large.size() < 5 * 1024 * 1024) large += "é-";
  const auto letters = (large.size() - 6) / 3 * 2;
  large += "\"}";
  CHECK(output_of(mapper, ".t | length", large) == std::to_string(letters));
  CHECK((output_of(mapper, ".", large) == large));  // not both of them shown where they differ
}

TEST_CASE("jq: what is too large or too deep is refused") {
  Mapper mapper(jq_worker(), {.output_bytes = 1'000});
  const auto error = error_of(mapper, "[range(1000)]");
  CHECK(error.kind == ErrorKind::kInvalid);
  CHECK(error.code == "jq-too-large");
  CHECK(output_of(mapper, "\"x\" * 998").size() == 1'000);
  CHECK(error_of(mapper, "\"x\" * 999").code == "jq-too-large");
  CHECK(error_of(mapper, "reduce range(300) as $i (0; [.])").code ==
        "jq-too-large");  // libjq shows 256 levels
  CHECK(output_of(mapper, ".", R"(["\"<", "<>"])") == R"(["\"<","<>"])");
  Mapper small(jq_worker(), {.memory_bytes = 64 * 1024 * 1024});
  CHECK(error_of(small, ".", std::string(40 * 1024 * 1024, ' ') + "1").code == "jq-too-large");
}

TEST_CASE("jq: runs of many threads get their own answers") {
  Mapper mapper(jq_worker());
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&mapper, &wrong, t] {
      const std::string program = "{thread: " + std::to_string(t) + ", n: .n}";
      for (int n = 0; n < 250; ++n) {
        const auto expected = "{\"thread\":" + std::to_string(t) + ",\"n\":" + std::to_string(n) + "}";
        if (output_of(mapper, program, "{\"n\":" + std::to_string(n) + "}") != expected) ++wrong[t];
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4));
}

TEST_CASE("jq: runs end in their order, on one thread that is not the caller's") {
  Mapper mapper(jq_worker());
  std::vector<std::string> outputs;
  std::vector<std::thread::id> threads;
  for (int n = 0; n < 100; ++n) {
    mapper.run(n % 10 == 0 ? "error(\"tenth\")" : ".", std::to_string(n), [&](Result<std::string> output) {
      outputs.push_back(output ? *output : output.error().detail);
      threads.push_back(std::this_thread::get_id());
    });
  }
  CHECK(output_of(mapper, ".", "100") == "100");  // after all of them
  REQUIRE(outputs.size() == 100);
  for (int n = 0; n < 100; ++n)
    CHECK(outputs[static_cast<std::size_t>(n)] == (n % 10 == 0 ? "tenth" : std::to_string(n)));
  CHECK(std::count(threads.begin(), threads.end(), threads.front()) == 100);
  CHECK(threads.front() != std::this_thread::get_id());
}

TEST_CASE("jq: more programs than are kept compiled give what they should") {
  Mapper mapper(jq_worker());
  const auto is_right = [&mapper](int n) {
    return output_of(mapper, ". + " + std::to_string(n), "1") == std::to_string(n + 1);
  };
  for (int n = 0; n < 260; ++n) REQUIRE(is_right(n));
  for (const int n : {259, 5, 4, 3, 0, 1, 259}) CHECK(is_right(n));  // some are kept, some are not any more
}
