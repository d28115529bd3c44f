// Both APIs beyond the machine: TLS, tokens, roles, client certificates, lock-out, and changes of all that
// while the daemon runs. Callers are curl and openssl.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/e2e/certificates.h"
#include "tests/e2e/store.h"

using namespace tillsync;
using namespace tillsync::testing;
using namespace std::chrono_literals;

namespace {

struct Answer {
  int status = 0;  ///< 0: none came
  std::string body, head, errors;
};

/// A store that listens on every address of the machine, with certificates of its own authority.
class OpenStore {
 public:
  explicit OpenStore(int days = 300)
      : certificates_(folder_.file("pki")), store_([&] {
          certificates_.issue("server", "till.example", days);
          const std::string pair = fmt::format("tls_certificate = \"{0}.pem\"\ntls_key = \"file:{0}.key\"\n",
                                               certificates_.file("server"));
          StoreOptions options;
          options.listen = "0.0.0.0";
          options.till_lines = pair;
          options.ops_lines = pair + fmt::format(
                                         "client_ca_file = \"{}\"\nclient_certificates = {{\"ho.example\" = "
                                         "\"operate\", \"eyes.example\" = \"read\"}}\n",
                                         certificates_.ca_file());
          return options;
        }()) {}

  void start() {
    store_.launch();
    const bool ready = eventually(
        [&] { return store_.log().find("daemon.ready") != std::string::npos || !store_.running(); }, 20s);
    if (!ready || !store_.running()) throw std::runtime_error("the daemon does not start: " + store_.log());
  }

  Answer curl(std::uint16_t port, const std::string& path, std::vector<std::string> more = {}) {
    ProcessOptions process;
    process.argv = {"/usr/bin/curl",
                    "-sS",
                    "--noproxy",
                    "*",
                    "--max-time",
                    "10",
                    "--cacert",
                    certificates_.ca_file(),
                    "-D",
                    folder_.file("head"),
                    "-w",
                    "\n%{http_code}",
                    "https://127.0.0.1:" + std::to_string(port) + path};
    process.argv.insert(process.argv.end(), more.begin(), more.end());
    std::filesystem::remove(folder_.file("head"));
    const auto run = run_program(process, 20s);
    Answer answer;
    const auto line = run.output.rfind('\n');
    if (line != std::string::npos) {
      answer.status = std::stoi(run.output.substr(line + 1));
      answer.body = run.output.substr(0, line);
    }
    answer.head = file_text(folder_.file("head"));
    answer.errors = run.errors;
    return answer;
  }
  Answer till(const std::string& path, std::vector<std::string> more = {}) {
    return curl(store_.till_port(), path, std::move(more));
  }
  Answer ops(const std::string& path, std::vector<std::string> more = {}) {
    return curl(store_.ops_port(), path, std::move(more));
  }
  Answer post(const std::string& token, const std::string& body,
              const std::string& type = "application/json") {
    return till("/v1/documents", {"-H", "Authorization: Bearer " + token, "-H", "Content-Type: " + type,
                                  "--data-binary", body});
  }
  std::vector<std::string> bearer(const std::string& token) const {
    return {"-H", "Authorization: Bearer " + token};
  }
  /// A client's certificate, with which curl proves who it is.
  std::vector<std::string> shows(const std::string& name) const {
    return {"--cert", certificates_.file(name + ".pem"), "--key", certificates_.file(name + ".key")};
  }
  std::string token(std::vector<std::string> arguments) {
    const auto run = store_.command(std::move(arguments));
    if (run.status != 0) throw std::runtime_error("no token: " + run.errors);
    return run.output.substr(0, run.output.find('\n'));
  }
  /// The subject of the certificate that the ops listener shows now.
  std::string shown_subject() {
    ProcessOptions process;
    process.argv = {"/usr/bin/openssl", "s_client",
                    "-connect",         "127.0.0.1:" + std::to_string(store_.ops_port()),
                    "-servername",      "till.example"};
    const auto output = run_program(process, 20s).output;
    const auto at = output.find("subject=");
    return at == std::string::npos ? output : output.substr(at, output.find('\n', at) - at);
  }

  Store& store() { return store_; }
  Certificates& certificates() { return certificates_; }
  TempDir& folder() { return folder_; }

 private:
  TempDir folder_;
  Certificates certificates_;
  Store store_;
};

std::string sale_of(const std::string& terminal, const std::string& id) {
  return fmt::format(R"({{"id":"{}","type":"sale","terminal":"{}","occurred_at":"2026-11-23T09:00:00Z",)"
                     R"("lines":[{{"sku":"A1","quantity":"1","unit_price":"2.50"}}]}})",
                     id, terminal);
}

}  // namespace

TEST_CASE("access: beyond this machine a till posts over TLS, with its own token, its own documents") {
  OpenStore open;
  open.start();
  const std::string one = open.token({"terminal", "add", "T1"}), two = open.token({"terminal", "add", "T2"});
  CHECK(open.post(one, sale_of("T1", "A1")).status == 201);  // made a moment ago
  CHECK(open.post(one, sale_of("T1", "A1")).status == 200);
  CHECK(open.till("/v1/documents/A1", open.bearer(two)).status == 200);

  const auto other = open.post(two, sale_of("T1", "A2"));
  CHECK(other.status == 403);
  CHECK(problem_of(parsed(other.body)) == "forbidden");
  const auto lines =
      open.post(two, sale_of("T1", "A3") + "\n" + sale_of("T2", "A4") + "\n", "application/x-ndjson");
  REQUIRE(lines.status == 200);
  CHECK(ndjson(lines.body).at(0).integer_of("status") == 403);
  CHECK(ndjson(lines.body).at(1).integer_of("status") == 201);
  CHECK(open.store().get("/v1/documents/A3")->status == 404);

  const auto none = open.till("/v1/documents/A1");
  CHECK(none.status == 401);
  CHECK(problem_of(parsed(none.body)) == "unauthorized");
  CHECK(none.head.find("WWW-Authenticate: Bearer") != std::string::npos);
  CHECK(open.post("ts1.000000000000.wrong", sale_of("T1", "A5")).status == 401);
  CHECK(open.till("/v1/health").status == 200);
  // Without a token nobody makes us take 60 MiB.
  std::ofstream(open.folder().file("large")) << std::string(60 * 1024 * 1024, ' ');
  const auto large =
      open.till("/v1/documents", {"-H", "Content-Type: application/x-ndjson", "-H",
                                  "Expect:", "--data-binary", "@" + open.folder().file("large")});
  CHECK(large.status == 401);

  const auto revoked = open.store().command({"terminal", "revoke", "T1", "--by", "joe"});
  CHECK(revoked.status == 0);
  REQUIRE(eventually([&] { return open.till("/v1/documents/A1", open.bearer(one)).status == 401; }, 5s));
  CHECK(open.till("/v1/documents/A1", open.bearer(two)).status == 200);
  CHECK(open.store().log().find("what=terminal-revoked subject=T1 by=joe") != std::string::npos);
  CHECK(open.store().log().find("what=terminal-added subject=T2") != std::string::npos);
  // On this machine a till needs none, and the file's rights keep others out.
  CHECK(open.store().post(sale_of("T9", "A6"))->status == 201);
  const auto text = file_text(open.store().journal_folder() + "/access.json");
  CHECK(text.find(two.substr(two.rfind('.') + 1)) == std::string::npos);
  CHECK(open.store().stop() == 0);
}

TEST_CASE("access: a TLS listener speaks TLS 1.2 and later alone, and whatever else comes ends by itself") {
  OpenStore open;
  open.start();
  const auto handshake = [&](const std::string& version) {
    ProcessOptions process;
    process.argv = {"/usr/bin/openssl",
                    "s_client",
                    version,
                    "-cipher",
                    "ALL:@SECLEVEL=0",
                    "-connect",
                    "127.0.0.1:" + std::to_string(open.store().till_port())};
    return run_program(process, 20s);
  };
  CHECK(handshake("-tls1_1").status != 0);
  CHECK(handshake("-tls1_2").output.find("TLSv1.2, Cipher is ECDHE-") != std::string::npos);
  CHECK(handshake("-tls1_3").output.find("TLSv1.3, Cipher is TLS_") != std::string::npos);
  auto plain = RawConnection::tcp(open.store().till_port());
  REQUIRE(plain.send(raw_request("GET", "/v1/health")));
  CHECK(!plain.response());
  for (int i = 0; i < 50; ++i) {
    auto garbage = RawConnection::tcp(open.store().ops_port());
    garbage.send(std::string(1 + static_cast<std::size_t>(i) * 997, static_cast<char>(i * 31)));
    garbage.vanish();
  }
  CHECK(open.till("/v1/health").status == 200);
  // HTTP/2 is not spoken: who speaks nothing else is told in the handshake.
  ProcessOptions http2;
  http2.argv = {"/usr/bin/openssl",
                "s_client",
                "-alpn",
                "h2",
                "-connect",
                "127.0.0.1:" + std::to_string(open.store().till_port())};
  const auto refused = run_program(http2, 20s);
  CHECK((refused.output + refused.errors).find("no application protocol") != std::string::npos);
  CHECK(open.store().log().find("tls.handshake_failed from=127.0.0.1 reason=\"http request\"") !=
        std::string::npos);
  CHECK(open.store().stop() == 0);
}

TEST_CASE("access: operators read or operate, by token or certificate, and decisions carry their name") {
  OpenStore open;
  open.start();
  for (const char* name : {"ho.example", "eyes.example", "nobody.example"})
    open.certificates().issue(name, name);
  Certificates strangers(open.folder().file("strangers"));
  strangers.issue("ho.example", "ho.example");
  const std::string read = open.token({"operator", "add", "reader", "--role", "read"});
  const std::string operate =
      open.token({"operator", "add", "boss", "--role", "operate", "--expires", "2099-12-31"});
  REQUIRE(eventually([&] { return open.ops("/v1/status", open.bearer(operate)).status == 200; }, 5s));
  const auto pause = [&](std::vector<std::string> credentials, const std::string& body) {
    credentials.insert(credentials.end(), {"-H", "Content-Type: application/json", "--data-binary", body});
    return open.ops("/v1/quarantine/1:erp/retry", credentials).status;
  };
  const std::string decision = R"({"reason":"test","by":"jane"})";
  CHECK(open.ops("/v1/status").status == 401);
  CHECK(open.ops("/healthz").status == 401);
  CHECK(open.ops("/metrics", open.bearer(read)).status == 200);
  CHECK(pause(open.bearer(read), decision) == 403);
  CHECK(pause(open.bearer(operate), decision) == 404);  // it is let in, and there is no such delivery
  CHECK(pause(open.bearer(operate), R"({"reason":"test"})") == 404);
  CHECK(open.ops("/v1/status", open.shows("ho.example")).status == 200);
  CHECK(pause(open.shows("ho.example"), decision) == 404);
  CHECK(open.ops("/v1/status", open.shows("eyes.example")).status == 200);
  CHECK(pause(open.shows("eyes.example"), decision) == 403);
  CHECK(open.ops("/v1/status", open.shows("nobody.example")).status == 403);
  const auto stranger = open.ops(
      "/v1/status", {"--cert", strangers.file("ho.example.pem"), "--key", strangers.file("ho.example.key")});
  CHECK(stranger.status == 0);
  // A till's token is none here.
  const std::string till = open.token({"terminal", "add", "T1"});
  CHECK(open.ops("/v1/status", open.bearer(till)).status == 401);

  for (int i = 0; i < 10; ++i) open.ops("/v1/status", open.bearer("wrong"));
  const auto locked = open.ops("/v1/status", open.bearer(operate));
  CHECK(locked.status == 429);
  CHECK(locked.head.find("Retry-After: ") != std::string::npos);
  CHECK(open.till("/v1/health").status == 200);
  CHECK(open.store().log().find("access.locked_out api=ops from=127.0.0.1") != std::string::npos);
  CHECK(open.store().stop() == 0);
}

TEST_CASE("access: a new certificate is shown without a restart, and a wrong one never") {
  OpenStore open(10);
  open.start();
  const std::string token = open.token({"operator", "add", "reader", "--role", "read"});
  REQUIRE(eventually([&] { return open.ops("/v1/status", open.bearer(token)).status == 200; }, 5s));
  CHECK(open.shown_subject() == "subject=CN = till.example");
  CHECK(open.store().log().find("tls.certificate_expires listener=ops") != std::string::npos);
  auto status = parsed(open.ops("/v1/status", open.bearer(token)).body);
  REQUIRE(status.find("certificates")->as_array()->size() == 2);
  CHECK(status.find("certificates")->as_array()->at(1).text_of("listener") == "ops");
  CHECK(status.find("certificates")->as_array()->at(1).integer_of("days_left") == 9);

  // Half of a new pair: the key is still the old one's.
  open.certificates().issue("next", "next.example", 300);
  const auto put = [&](const std::string& from, const std::string& to) {
    std::filesystem::copy_file(open.certificates().file(from), open.certificates().file(to + ".fresh"));
    std::filesystem::rename(open.certificates().file(to + ".fresh"), open.certificates().file(to));
  };
  put("next.pem", "server.pem");
  open.store().daemon().signal(SIGHUP);
  REQUIRE(eventually([&] { return open.store().log().find("tls.certificate_refused") != std::string::npos; },
                     10s));
  CHECK(open.shown_subject() == "subject=CN = till.example");
  put("next.key", "server.key");
  REQUIRE(eventually([&] { return open.shown_subject() == "subject=CN = next.example"; }, 15s));
  const auto metrics = open.ops("/metrics", open.bearer(token)).body;
  CHECK(metrics.find("tillsync_certificate_not_after_seconds{api=\"ops\"} ") != std::string::npos);
  CHECK(metrics.find("tillsync_access_refused_total{api=\"till\"} 0") != std::string::npos);
  CHECK(open.store().log().find("what=certificate-replaced subject=ops") != std::string::npos);
  CHECK(open.store().stop() == 0);
}

TEST_CASE("access: the command line finds its own daemon behind TLS, and says what it needs") {
  OpenStore open;
  open.start();
  const auto status = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"status", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return open.store().command(arguments);
  };
  const auto without = status({});
  CHECK(without.status == 2);
  CHECK(without.errors.find("--token-file") != std::string::npos);
  const std::string file = open.folder().file("token");
  std::ofstream(file) << open.token({"operator", "add", "reader", "--role", "read"}) << "\n";
  REQUIRE(eventually([&] { return status({"--token-file", file}).status == 0; }, 5s));
  CHECK(status({"--token-file", file, "--ca-file", open.certificates().ca_file()}).status == 0);
  Certificates strangers(open.folder().file("strangers"));
  CHECK(status({"--token-file", file, "--ca-file", strangers.ca_file()}).status == 3);
  CHECK(status({"--token-file", open.folder().file("none")}).status == 2);

  const auto list = open.store().command({"operator", "list", "--json"});
  CHECK(parsed(list.output).find("operators")->as_array()->at(0).text_of("state") == "live");
  CHECK(open.store().command({"operator", "revoke", "nobody"}).status == 1);
  CHECK(open.store().command({"operator", "add", "x", "--role", "all"}).status == 2);
  CHECK(open.store().command({"terminal", "add", "a b"}).status == 2);
  CHECK(open.store().command({"terminal", "add", "T1", "--expires", "2020-01-01"}).status == 2);

  CHECK(open.store().command({"check"}).status == 0);
  std::filesystem::copy_file(open.certificates().file("ca.key"), open.certificates().file("server.key"),
                             std::filesystem::copy_options::overwrite_existing);
  const auto wrong = open.store().command({"check"});
  CHECK(wrong.status == 2);
  CHECK(wrong.errors.find("another certificate's key") != std::string::npos);
  CHECK(open.store().stop() == 0);
}

TEST_CASE("access: with a certificate that has expired the store trades on, and is told what to do") {
  OpenStore open(0);
  const auto check = open.store().command({"check"});
  CHECK(check.status == 0);
  CHECK(check.errors.find("has expired, at 2020-01-31") != std::string::npos);
  open.start();
  CHECK(open.store().post(sale_of("T1", "A1"))->status == 201);
  CHECK(open.till("/v1/health").status == 0);
  CHECK(open.till("/v1/health", {"-k"}).status == 200);
  CHECK(open.store().log().find("ERROR tls.certificate_expired listener=till") != std::string::npos);
  CHECK(open.store().stop() == 0);
}
