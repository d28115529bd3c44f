// I9 with the real processes: a target that repeats all that it was sent, and afterwards a search for every
// secret in whatever the daemon wrote, kept or answered. On the way: a secret that is refused is read again,
// for each way to sign in.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "agent/connectors/plain_text.h"
#include "platform/crypto/base64.h"
#include "tests/e2e/store.h"
#include "tests/unit/agent/connectors/fake_target.h"

using namespace tillsync;
using namespace tillsync::testing;

namespace {

constexpr const char* kConnector = R"(format = 1
safe_to_resend = "it refuses everything"
[session.login]
path = "/login"
body = '{user: .user, password: "${secret}"}'
answer = 'if .answer.body.token then {headers: {Authorization: ("Acme " + .answer.body.token)}} else {reason: .answer.body.sent} end'
[[submit]]
types = ["sale"]
[[submit.requests]]
path = "/orders"
body = '.document'
answer = 'if .answer.status == 422 then {outcome: "rejected", reason: (.answer.body.detail + " " + .answer.headers["x-sent"])} else null end'
)";

constexpr const char* kToken = "T0ken-\"of/the+server";
constexpr const char* kSession = "S3ssion-of-the-server";

int openssl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"/usr/bin/env", "openssl"});
  ProcessOptions options;
  options.argv = std::move(arguments);
  return run_program(options, std::chrono::seconds(60)).status;
}

std::string new_key(const std::string& file) {
  REQUIRE(openssl({"genrsa", "-out", file, "2048"}) == 0);
  return file_text(file);
}

/// A line of a key in PEM that is in no other.
std::string telling_line(const std::string& pem) {
  const auto second = pem.find('\n', pem.find('\n') + 1) + 1;
  return pem.substr(second, pem.find('\n', second) - second);
}

std::string header_of(const std::string& request, const std::string& name) {
  const auto at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto from = at + name.size() + 4;
  return request.substr(from, request.find("\r\n", from) - from);
}

std::string field(const std::string& form, const std::string& name) {
  const std::string all = "&" + form;
  const auto at = all.find("&" + name + "=");
  if (at == std::string::npos) return {};
  const auto from = at + name.size() + 2;
  return all.substr(from, all.find('&', from) - from);
}

std::string from_base64url(std::string text) {
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  while (text.size() % 4 != 0) text += '=';
  return from_base64(text).value_or("");
}

/// How a target signs in, and what it is refused and taken with.
struct Way {
  std::string name;
  std::string lines;  ///< of the settings, with the secret at "file:secret"
  std::string first, second;
};

/// Takes the second secret alone, and no document; says all that it was sent, in every form.
class Parrot {
 public:
  using Reply = test::FakeTarget::Reply;
  explicit Parrot(Way way, const TempDir& folder)
      : way_(std::move(way)),
        folder_(folder),
        target_([this](const std::string& request) { return serve(request); }) {}

  std::string url() const { return target_.url(""); }
  int refusals() {
    const std::lock_guard lock(mutex_);
    return refusals_;
  }

 private:
  bool is_signed(const std::string& jwt) const {
    const auto end = jwt.rfind('.');
    if (end == std::string::npos) return false;
    std::ofstream(folder_.file("message"), std::ios::binary) << jwt.substr(0, end);
    std::ofstream(folder_.file("signature"), std::ios::binary) << from_base64url(jwt.substr(end + 1));
    return openssl({"dgst", "-sha256", "-verify", folder_.file("second.pub"), "-signature",
                    folder_.file("signature"), folder_.file("message")}) == 0;
  }

  bool takes(const std::string& request) const {
    const std::string form = test::body_of(request);
    const std::string authorization = header_of(request, "Authorization");
    if (request.starts_with("POST /token ")) {
      if (way_.name == "oauth2_jwt") return is_signed(field(form, "assertion"));
      return authorization == "Basic " + to_base64("till:" + percent_encoded(way_.second));
    }
    if (request.starts_with("POST /login ")) {
      const auto body = json::parse(form);
      return body && body->text_of("password") == way_.second;
    }
    if (way_.name == "bearer") return authorization == "Bearer " + way_.second;
    if (way_.name == "basic") return authorization == "Basic " + to_base64("till:" + way_.second);
    if (way_.name == "api_key") return header_of(request, "X-Shop-Key") == way_.second;
    if (way_.name == "session") return authorization == std::string("Acme ") + kSession;
    return authorization == std::string("Bearer ") + kToken;
  }

  Reply serve(const std::string& request) {
    const bool good = takes(request);
    const std::lock_guard lock(mutex_);
    if (good && request.starts_with("POST /token "))
      return {"200 OK", json::dump(json::Object{{"access_token", kToken}, {"expires_in", 600}})};
    if (good && request.starts_with("POST /login "))
      return {"200 OK", json::dump(json::Object{{"token", kSession}})};
    std::string sent = header_of(request, "Authorization") + " " + header_of(request, "X-Shop-Key");
    std::string error = "unprocessable";
    if (!good) {
      ++refusals_;
      error = "bad " + way_.first;
      sent += " " + test::body_of(request) + " " + way_.first;
    }
    const std::string status = good ? "422 Unprocessable Content" : "401 Unauthorized";
    return {status,
            json::dump(json::Object{{"detail", "you sent " + sent}, {"error", error}, {"sent", sent}}),
            "X-Sent: " + header_of(request, "Authorization") + "\r\n"};
  }

  const Way way_;
  const TempDir& folder_;
  std::mutex mutex_;
  int refusals_ = 0;
  test::FakeTarget target_;  // last: it serves from the start
};

std::vector<Way> ways(const TempDir& folder) {
  const auto secret = [](const std::string& which) { return which + "-s3cret\"of/the+shop"; };
  const auto auth = [](const std::string& lines) { return "[targets.erp.auth]\n" + lines; };
  const std::string old_key = new_key(folder.file("first.pem")), key = new_key(folder.file("second.pem"));
  REQUIRE(openssl({"rsa", "-in", folder.file("second.pem"), "-pubout", "-out", folder.file("second.pub")}) ==
          0);
  return {
      {"bearer", "token = \"file:secret\"\n", secret("first"), secret("second")},
      {"basic", auth("kind = \"basic\"\nuser = \"till\"\npassword = \"file:secret\"\n"), secret("first"),
       secret("second")},
      {"api_key", auth("kind = \"api_key\"\nheader = \"X-Shop-Key\"\nkey = \"file:secret\"\n"),
       secret("first"), secret("second")},
      {"oauth2",
       auth("kind = \"oauth2\"\ntoken_url = \"TARGET/token\"\nclient_id = \"till\"\nclient_secret = "
            "\"file:secret\"\n"),
       secret("first"), secret("second")},
      {"oauth2_jwt",
       auth("kind = \"oauth2_jwt\"\ntoken_url = \"TARGET/token\"\nclient_id = \"till\"\nsubject = \"till\"\n"
            "private_key = \"file:secret\"\n"),
       old_key, key},
      {"session", auth("kind = \"session\"\nuser = \"till\"\npassword = \"file:secret\"\n"), secret("first"),
       secret("second")},
  };
}

/// Every form in which one of the secrets could have got out.
std::vector<std::string> needles(const Way& way) {
  std::vector<std::string> all;
  for (std::string secret : {way.first, way.second, std::string(kToken), std::string(kSession)}) {
    if (secret.starts_with("-----BEGIN")) secret = telling_line(secret);
    std::string quoted;
    json::quote_to(quoted, secret);
    for (const std::string& form :
         {secret, quoted.substr(1, quoted.size() - 2), percent_encoded(secret), to_base64(secret),
          to_base64("till:" + secret), to_base64("till:" + percent_encoded(secret))})
      all.push_back(form);
    // Cut short it would be one still.
    all.push_back(secret.substr(0, 12));
  }
  return all;
}

std::string bytes_below(const std::string& folder) {
  std::string all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) all += file_text(entry.path().string());
  }
  return all;
}

}  // namespace

TEST_CASE(
    "secrets: none gets out, whatever a target says of them, and one that is refused is read again (I9)") {
  const TempDir folder;
  for (const Way& way : ways(folder)) {
    CAPTURE(way.name);
    Parrot parrot(way, folder);
    StoreOptions options;
    options.central = parrot.url();
    options.targets = {"erp"};
    options.target_lines = way.lines;
    if (const auto at = options.target_lines.find("TARGET"); at != std::string::npos)
      options.target_lines.replace(at, 6, parrot.url());
    options.routes = "sale = [\"erp\"]\n";
    options.journal_lines = "disk_reserve_mib = 1\n[log]\nlevel = \"debug\"\n";
    if (way.name == "session") options.connector = "./parrot.toml";
    Store store(options);
    std::ofstream(store.file("parrot.toml")) << kConnector;
    std::ofstream(store.file("secret"), std::ios::binary) << way.first << "\n";
    std::map<std::string, std::string> seen;
    const auto run = [&](const std::string& name, const std::vector<std::string>& arguments) {
      const RunResult result = store.command(arguments);
      seen[name] = result.output + result.errors;
      REQUIRE_FALSE(seen[name].empty());
      return result.status;
    };
    CHECK(run("check", {"check"}) == 0);
    store.start();
    REQUIRE(store.post(simple_sale("S-1"))->status == 201);
    REQUIRE(eventually([&] { return parrot.refusals() > 0; }));
    REQUIRE(eventually([&] {
      return !store.document("S-1").find("deliveries")->as_array()->empty() &&
             store.document("S-1").find("deliveries")->as_array()->front().integer_of("attempts") > 0;
    }));
    run("explain-refused", {"explain", "S-1"});
    seen["status-refused"] = store.ops("GET", "/v1/status")->body;
    // Mended without a restart.
    std::ofstream(store.file("secret"), std::ios::binary) << way.second << "\n";
    REQUIRE(eventually([&] { return store.status_of("S-1") == "quarantined"; }, std::chrono::seconds(30)));
    run("explain", {"explain", "S-1"});
    run("explain-json", {"explain", "S-1", "--json"});
    run("quarantine", {"quarantine", "list"});
    run("quarantine-json", {"quarantine", "list", "--json"});
    run("status", {"status"});
    run("check-after", {"check", "--json"});
    if (way.name == "session") {
      std::ofstream(store.file("sale.json")) << simple_sale("S-2");
      run("try", {"connector", "try", store.file("parrot.toml"), "--document", store.file("sale.json"),
                  "--target", "erp", "--live"});
    }
    seen["document"] = store.get("/v1/documents/S-1")->body;
    seen["health"] = store.get("/v1/health")->body;
    for (const char* path : {"/v1/status", "/metrics", "/v1/quarantine"})
      seen[path] = store.ops("GET", path)->body;
    // What it answered is there: only the secrets are not.
    CHECK(seen["explain-json"].find("you sent") != std::string::npos);
    CHECK(seen["explain-json"].find("***") != std::string::npos);
    const std::string limits = file_text(fmt::format("/proc/{}/limits", store.daemon().pid()));
    CHECK(limits.find("Max core file size        0 ") != std::string::npos);
    CHECK(file_text(fmt::format("/proc/{}/coredump_filter", store.daemon().pid())) == "00000000\n");
    CHECK(store.stop() == 0);
    seen["log"] = store.log();
    seen["journal"] = bytes_below(store.journal_folder());
    CHECK(seen["log"].find("erp") != std::string::npos);
    CHECK(seen["journal"].size() > 10'000);
    for (const auto& item : seen) {
      const auto& name = item.first;
      const auto& text = item.second;
      CAPTURE(name);
      for (const std::string& needle : needles(way)) {
        CAPTURE(needle);
        CHECK(text.find(needle) == std::string::npos);
      }
    }
  }
}
