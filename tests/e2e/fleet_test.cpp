// Head office pulls many stores' reports: 500 addresses that answer with what such stores would.
#include <fstream>
#include <thread>

#include "agent/http_server/server.h"
#include "platform/crypto/sha256.h"
#include "reconcile/reports/report.h"
#include "reconcile/reports/signed_report.h"
#include "tests/e2e/shop.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr int kStores = 500;
constexpr const char* kDay = "2026-11-23";

std::string id_of(int store) {
  return fmt::format("{:04}", store);
}

/// A store of so many sales at 1.01, and one return.
Report canned(int store) {
  Report report;
  report.store = id_of(store);
  report.from = report.to = *BusinessDay::parse(kDay);
  report.documents[DocumentType::kSale] = {100 + store, {}};
  for (int i = 0; i < 100 + store; ++i)
    report.documents[DocumentType::kSale].total["GBP"] += *Decimal::parse("1.01", 2);
  report.documents[DocumentType::kReturn] = {1, {{"GBP", *Decimal::parse("0.10", 2)}}};
  report.targets.emplace_back().name = "erp";
  return report;
}

/// Stores behind one address: /ID/v1/reports/reconciliation. A path that is not there answers 404.
class Stores {
 public:
  Stores() {
    ServerOptions options;
    options.body_bytes_max = [](const ServerRequest&) { return std::uint64_t{1'000}; };
    options.protocol_error = [](ProtocolError) { return text_response(400, "no\n"); };
    server_ = std::make_unique<HttpServer>(loop_, options, [this](ServerRequest request, Responder respond) {
      const auto path = request.segments();
      const auto found = path.size() == 4 ? answers_.find(path[0]) : answers_.end();
      const bool asked_right = request.parameter("business_day") == kDay && path.size() == 4 &&
                               request.header("authorization") == "Bearer token-" + path[0];
      if (found == answers_.end() || !asked_right) return respond(text_response(404, "no\n"));
      respond(text_response(200, found->second, "application/json"));
    });
    REQUIRE(server_->listen_tcp("127.0.0.1:0").has_value());
  }
  ~Stores() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
    server_.reset();
  }
  void start() {
    thread_ = std::thread([this] { loop_.run(); });
  }
  void answer(const std::string& id, std::string text) { answers_[id] = std::move(text); }
  std::string base() const { return fmt::format("http://127.0.0.1:{}/", server_->tcp_port()); }

 private:
  EventLoop loop_;
  std::unique_ptr<HttpServer> server_;
  std::map<std::string, std::string> answers_;  // as it is before start()
  std::thread thread_;
};

SigningKey new_key() {
  return *SigningKey::from_pem(make_ed25519_pair().private_key);
}

}  // namespace

TEST_CASE("fleet: 500 stores within 10 s, each proven by its own key, and summed to the penny") {
  Stores stores;
  const TempDir dir;
  std::ofstream toml(dir.file("stores.toml"));
  std::map<std::string, std::string> env;
  for (int i = 0; i < kStores; ++i) {
    const SigningKey key = new_key();
    const std::string id = id_of(i);
    Report report = canned(i);
    stores.answer(id, signed_json_text(report_json(report), &key));
    toml << "[stores." << id << "]\nurl = \"" << stores.base() << id << "\"\ntoken = \"env:T" << id
         << "\"\nkey = \"" << to_hex(key.public_key()) << "\"\n";
    env["T" + id] = "token-" + id;
  }
  toml.close();
  stores.start();
  const auto run = [&](const std::string& format) {
    return run_program({.argv = {TILLSYNC_PROGRAM, "fleet", "report", "--stores", dir.file("stores.toml"),
                                 "--day", kDay, "--format", format},
                        .env = env},
                       std::chrono::seconds(60));
  };
  const auto begun = std::chrono::steady_clock::now();
  const auto made = run("json");
  const double took = seconds_since(begun);
  CHECK_MESSAGE(made.status == 0, made.errors);
  MESSAGE("500 stores in ", took, " s");
  CHECK(took < 10);
  const auto fleet = parsed(made.output);
  CHECK(fleet.find("counts")->integer_of("balanced") == kStores);
  // 100 + 101 + ... + 599 sales at 1.01.
  CHECK(
      json::dump(*fleet.find("documents")) ==
      R"({"return":{"count":500,"total":{"GBP":"50.00"}},"sale":{"count":174750,"total":{"GBP":"176497.50"}}})");
}

TEST_CASE("fleet: who is late, differs, is away or is not to be trusted, stands out") {
  Stores stores;
  const TempDir dir;
  const SigningKey key = new_key(), other = new_key();
  Report late = canned(1), differs = canned(2);
  late.targets[0].findings.pending.emplace_back().id = "S1";
  differs.targets[0].findings.missing.emplace_back().id = "S2";
  stores.answer("0000", signed_json_text(report_json(canned(0)), &key));
  stores.answer("0001", signed_json_text(report_json(late), &key));
  stores.answer("0002", signed_json_text(report_json(differs), &key));
  stores.answer("0003", signed_json_text(report_json(canned(3)), &other));
  std::ofstream toml(dir.file("stores.toml"));
  std::map<std::string, std::string> env;
  for (int i = 0; i < 6; ++i) {
    const std::string id = id_of(i);
    // 0004 has no report; nobody listens where 0005 should be.
    toml << "[stores." << id << "]\nurl = \"" << (i == 5 ? "http://127.0.0.1:1/" : stores.base()) << id
         << "\"\ntoken = \"env:T" << id << "\"\nkey = \"" << to_hex(key.public_key()) << "\"\n";
    env["T" + id] = "token-" + id;
  }
  toml.close();
  stores.start();
  const auto run = [&](const std::string& format) {
    return run_program({.argv = {TILLSYNC_PROGRAM, "fleet", "report", "--stores", dir.file("stores.toml"),
                                 "--day", kDay, "--format", format},
                        .env = env},
                       std::chrono::seconds(60));
  };
  const auto table = run("table");
  CHECK(table.status == 1);
  for (const char* part : {"NOT ALL BALANCED", "1 balanced", "1 late", "1 not balanced", "2 unreachable",
                           "1 not trusted", "1 pending", "1 missing", "another key", "answered 404"})
    CHECK_MESSAGE(table.output.find(part) != std::string::npos, part);
  const auto made = parsed(run("json").output);
  // What is not trusted is in no sum.
  CHECK(made.find("documents")->find("sale")->integer_of("count") == 100 + 101 + 102);
  CHECK(run("csv").output.find("store,0003,not trusted") != std::string::npos);
  CHECK(run("html").output.find("Not all balanced") != std::string::npos);
  const auto unnamed = run_program(
      {.argv = {TILLSYNC_PROGRAM, "fleet", "report", "--stores", dir.file("none.toml"), "--day", kDay}},
      std::chrono::seconds(10));
  CHECK(unnamed.status == 2);
}
