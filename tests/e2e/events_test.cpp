// GET /v1/events of the whole daemon: as a till reads it, with curl, and as a page reads it, in a browser.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/e2e/certificates.h"
#include "tests/e2e/shop.h"
#include "tests/support/event_stream.h"

using namespace tillsync;
using namespace tillsync::testing;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> at(const Store& store, const std::string& place = {}) {
  std::vector<std::string> arguments{"--unix-socket", store.socket(), "http://localhost/v1/events"};
  if (!place.empty()) arguments.insert(arguments.end(), {"-H", "Last-Event-ID: " + place});
  return arguments;
}

/// Reads until each of `documents` is told delivered at each of two targets; the ids of all that came.
std::vector<std::int64_t> read_deliveries(EventStream& stream, std::size_t documents,
                                          std::set<std::string>& delivered) {
  std::vector<std::int64_t> ids;
  while (delivered.size() < 2 * documents) {
    const auto event = stream.next(20s);
    if (!event) return ids;
    ids.push_back(std::stoll(event->id));
    const auto data = parsed(event->data);
    if (data.text_of("outcome") != "delivered") continue;
    // Central has one effect each, and so is each told once.
    CHECK(delivered.insert(std::string(data.text_of("document")) + "@" + std::string(data.text_of("target")))
              .second);
  }
  return ids;
}

bool ascend(const std::vector<std::int64_t>& ids) {
  return std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end();
}

}  // namespace

TEST_CASE("events: each outcome and decision of a day of troubles, without anybody's words") {
  Shop shop({.targets = {"erp"}});
  auto& store = shop.store;
  EventStream stream(at(store));
  REQUIRE(stream.greeted());
  CHECK(store.post(simple_sale("GOOD"))->status == 201);
  const auto good = stream.next();
  REQUIRE(good);
  CHECK(good->name == "outcome");
  const auto data = parsed(good->data);
  CHECK(data.text_of("document") == "GOOD");
  CHECK(data.text_of("outcome") == "delivered");
  CHECK(data.text_of("status") == "delivered");
  CHECK(data.text_of("central_reference") == "ERP-0000001");
  CHECK(OffsetTime::parse(data.text_of("at")).has_value());

  shop.central.faults("erp", R"({"outage":true})");
  CHECK(store.post(simple_sale("LATE"))->status == 201);
  const auto late = stream.next();
  REQUIRE(late);
  CHECK(parsed(late->data).text_of("outcome") != "delivered");
  CHECK(parsed(late->data).text_of("status") == "journaled");
  shop.central.faults("erp", "{}");
  CHECK(shop.settles("LATE", "delivered"));
  // From the start again: the same, in the same order, and nothing between.
  EventStream again(at(store, "0"));
  std::vector<std::int64_t> ids;
  std::string told;
  for (auto event = again.next(); event; event = again.next(2s)) {
    ids.push_back(std::stoll(event->id));
    told += event->data;
    if (parsed(event->data).text_of("document") == "LATE" &&
        parsed(event->data).text_of("outcome") == "delivered")
      break;
  }
  CHECK(ids.size() >= 3);
  CHECK(ascend(ids));
  for (const char* word : {"reason", "answer", "by\"", "2.50"}) CHECK(told.find(word) == std::string::npos);
}

TEST_CASE(
    "events: readers who come back with their place miss nothing and hear nothing twice, kill or stop") {
  Shop shop;
  auto& store = shop.store;
  constexpr int kDocuments = 120;
  std::set<std::string> delivered;
  std::vector<std::int64_t> ids;
  std::string place = "0";
  int posted = 0;
  for (const bool hard : {true, false, true}) {
    EventStream stream(at(store, place));
    REQUIRE(stream.greeted());
    std::string body;
    for (int i = 0; i < kDocuments / 4; ++i) body += simple_sale(fmt::format("S-{}", posted++)) + "\n";
    REQUIRE(store.post(body, kNdjson)->status == 200);
    const auto event = stream.next();  // in the middle of it
    REQUIRE(event);
    ids.push_back(std::stoll(event->id));
    place = event->id;
    const auto data = parsed(event->data);
    if (data.text_of("outcome") == "delivered")
      delivered.insert(std::string(data.text_of("document")) + "@" + std::string(data.text_of("target")));
    if (hard) {
      store.kill();
    } else {
      const auto began = std::chrono::steady_clock::now();
      CHECK(store.stop() == 0);
      CHECK(std::chrono::steady_clock::now() - began < 10s);
    }
    CHECK(stream.curl().end().has_value());
    store.start();
  }
  EventStream stream(at(store, place));
  const auto rest = read_deliveries(stream, static_cast<std::size_t>(posted), delivered);
  ids.insert(ids.end(), rest.begin(), rest.end());
  CHECK(delivered.size() == 2 * static_cast<std::size_t>(posted));
  CHECK(ascend(ids));
}

TEST_CASE("events: SIGTERM does not wait for readers, not even for one that reads nothing") {
  Shop shop;
  auto& store = shop.store;
  std::vector<std::unique_ptr<EventStream>> streams;
  for (int i = 0; i < 20; ++i) {
    streams.push_back(std::make_unique<EventStream>(at(store)));
    REQUIRE(streams.back()->greeted());
  }
  streams.back()->curl().process().signal(SIGSTOP);
  const auto began = std::chrono::steady_clock::now();
  CHECK(store.stop() == 0);
  CHECK(std::chrono::steady_clock::now() - began < 10s);
  streams.pop_back();
  for (auto& stream : streams) CHECK(stream->curl().end() == 0);
}

TEST_CASE("events: beyond the machine a terminal's token reads the store's, until it is revoked") {
  const TempDir folder;
  Certificates certificates(folder.file("pki"));
  certificates.issue("server", "till.example", 300);
  Store store({.till_lines = fmt::format("tls_certificate = \"{0}.pem\"\ntls_key = \"file:{0}.key\"\n",
                                         certificates.file("server")),
               .ops_lines = {}});
  // The till's address alone leaves loopback.
  auto settings = file_text(store.settings_file());
  const auto from = "tcp = \"127.0.0.1:" + std::to_string(store.till_port());
  settings.replace(settings.find(from), from.size(), "tcp = \"0.0.0.0:" + std::to_string(store.till_port()));
  std::ofstream(store.settings_file()) << settings;
  store.start();
  const std::string url = fmt::format("https://127.0.0.1:{}/v1/events", store.till_port());
  const auto added = store.command({"terminal", "add", "T9"});
  REQUIRE(added.status == 0);
  const std::string token = added.output.substr(0, added.output.find('\n'));
  const std::vector<std::string> base{url, "--cacert", certificates.ca_file()};
  CurlStream nobody(base);
  CHECK(nobody.has_head());
  CHECK(nobody.head().starts_with("HTTP/1.1 401 "));
  auto with_token = base;
  with_token.insert(with_token.end(), {"-H", "Authorization: Bearer " + token});
  EventStream stream(with_token);
  REQUIRE(stream.greeted());
  CHECK(store.post(simple_sale("X1"))->status == 201);  // terminal T1's
  CHECK(store.stop() == 0);
  CHECK(stream.curl().end() == 0);  // TLS's goodbye came
  store.start();
  EventStream again(with_token);
  REQUIRE(again.greeted());
  REQUIRE(store.command({"terminal", "revoke", "T9"}).status == 0);
  CHECK(again.curl().end(5s).has_value());
}

TEST_CASE("events: a page in a browser reads them, comes back by itself, and hears each once") {
  constexpr const char* kBrowser = "/usr/bin/chromium";
  REQUIRE_MESSAGE(std::filesystem::exists(kBrowser), "no chromium: install_dependencies.sh test");
  Shop shop;
  auto& store = shop.store;
  const TempDir folder;
  // What stands before a till's page: it serves the page and hands /v1/events on, so that both are one
  // origin.
  std::ofstream(folder.file("page.py")) << R"(
import http.client, http.server, sys, urllib.parse
till, port_file, result_file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
PAGE = b'''<!doctype html><script>
const seen = [];
const source = new EventSource("/v1/events?after=0");
const note = e => { seen.push([e.lastEventId, JSON.parse(e.data)]);
  fetch("/seen", {method: "POST", body: JSON.stringify(seen)}); };
source.addEventListener("outcome", note);
source.addEventListener("reset", note);
</script>'''
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"]))
        open(result_file + ".part", "ab").write(text + b"\n")
        self.send_response(204); self.end_headers()
    def do_GET(self):
        if not self.path.startswith("/v1/"):
            self.send_response(200); self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(PAGE))); self.end_headers(); self.wfile.write(PAGE); return
        try:
            upstream = http.client.HTTPConnection("127.0.0.1", till)
            place = self.headers.get("Last-Event-ID")
            upstream.request("GET", self.path, headers={"Last-Event-ID": place} if place else {})
            answer = upstream.getresponse()
        except OSError:
            self.close_connection = True; return  # a till that starts again: the browser tries later
        self.send_response(answer.status); self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Connection", "close"); self.end_headers()
        while True:
            piece = answer.read1(65536)
            if not piece: break
            self.wfile.write(piece); self.wfile.flush()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open(port_file, "w").write(str(server.server_port) + "\n")
server.serve_forever()
)";
  ProcessOptions page;
  page.argv = {"/usr/bin/env",         "python3",
               folder.file("page.py"), std::to_string(store.till_port()),
               folder.file("port"),    folder.file("seen")};
  page.output_file = folder.file("page.log");
  ChildProcess proxy(page);
  REQUIRE(eventually([&] { return file_text(folder.file("port")).ends_with('\n'); }));
  ProcessOptions browser;
  browser.argv = {kBrowser,
                  "--headless=new",
                  "--no-sandbox",
                  "--disable-gpu",
                  "--user-data-dir=" + folder.file("profile"),
                  "--no-first-run",
                  "--remote-debugging-port=0",
                  "http://127.0.0.1:" + std::to_string(std::stoi(file_text(folder.file("port")))) + "/"};
  browser.env = {{"HOME", folder.path().string()}};
  browser.output_file = folder.file("browser.log");
  ChildProcess chromium(browser);

  /// What the page has heard so far: the longest list that it sent.
  const auto heard = [&] {
    const auto text = file_text(folder.file("seen.part"));
    json::Array longest;
    for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      auto list = json::parse(text.substr(begin, end - begin));
      if (list && list->as_array()->size() > longest.size()) longest = *list->as_array();
    }
    return longest;
  };
  REQUIRE(store.post(simple_sale("B1"))->status == 201);
  CHECK_MESSAGE(eventually([&] { return heard().size() >= 2; }, 60s), file_text(folder.file("browser.log")));
  store.kill();
  store.start();
  REQUIRE(store.post(simple_sale("B2"))->status == 201);
  CHECK(eventually([&] { return heard().size() >= 4; }, 60s));
  std::vector<std::int64_t> ids;
  std::multiset<std::string> documents;
  for (const auto& entry : heard()) {
    ids.push_back(std::stoll(*entry.as_array()->at(0).as_string()));
    documents.emplace(entry.as_array()->at(1).text_of("document"));
  }
  CHECK(ascend(ids));
  CHECK(documents == std::multiset<std::string>{"B1", "B1", "B2", "B2"});
}
