// The store's key, and reports checked by it without the store.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "agent/assembly/report_key.h"
#include "agent/cli/report_commands.h"
#include "platform/crypto/sha256.h"
#include "platform/log/printable.h"
#include "reconcile/reports/signed_report.h"

namespace tillsync::cli {
namespace {

constexpr std::size_t kReportBytesMax = 1024 * 1024 * 1024;

Result<std::string> read_file(const std::string& path) {
  const auto wrong = [&](const char* what) { return Error{ErrorKind::kInvalid, "file", path + " " + what}; };
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) return wrong("is no file that can be read here");
  if (std::filesystem::file_size(path, failed) > kReportBytesMax || failed)
    return wrong("is larger than 1 GiB: no report is");
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) return wrong("cannot be read; check the rights on it");
  return text;
}

struct VerifyOptions {
  std::string file;
  std::vector<std::string> keys;
};

json::Value verified_json(const CheckedReport& checked, bool key_given) {
  const json::Value& statement = checked.statement;
  const auto member = [&](std::string_view name) {
    const json::Value* found = statement.find(name);
    return found == nullptr ? json::Value() : *found;
  };
  const json::Value* journal = statement.find("journal");
  const json::Value* head = journal != nullptr ? journal->find("head") : statement.find("head");
  return json::Object{{"valid", true},
                      {"trusted", key_given ? json::Value(checked.trusted) : json::Value()},
                      {"form", checked.form},
                      {"store", member("store")},
                      {"from", member("from")},
                      {"to", member("to")},
                      {"balanced", member("balanced")},
                      {"generated_at", member("generated_at")},
                      {"head", head == nullptr ? json::Value() : *head},
                      {"key", checked.key_hex}};
}

void print_verified(const json::Value& verified) {
  const json::Value* head = verified.find("head");
  const json::Value none;
  const json::Value& at = head == nullptr ? none : *head;
  const std::string from = shown(verified, "from"), to = shown(verified, "to");
  const json::Value* balanced = verified.find("balanced");
  const bool yes = balanced != nullptr && balanced->as_bool() != nullptr && *balanced->as_bool();
  print("the signature holds: this is what the store signed\nstore    " + shown(verified, "store") +
        "\nperiod   " + (from == to ? from : from + " to " + to) + "\nverdict  " +
        (yes ? "balanced" : "not balanced") + "\nsigned   " + shown(verified, "generated_at") +
        "\nhead     " + shown(at, "sequence") + " " + shown(at, "hash") + "\nkey      " +
        shown(verified, "key") + "\n");
}

Exit refuse(const Context& context, const Error& error) {
  if (context.json)
    print(json::dump(json::Object{{"valid", false}, {"code", error.code}, {"reason", error.detail}}) + "\n");
  return fail(Exit::kNo, error.detail);
}

Exit verify(const Context& context, const VerifyOptions& options) {
  std::vector<std::string> trusted;
  for (const std::string& argument : options.keys) {
    auto key = public_key_from(argument);
    if (!key) return fail(key.error());
    trusted.push_back(*std::move(key));
  }
  const auto text = read_file(options.file);
  if (!text) return fail(text.error());
  const auto checked = check_report(*text, trusted);
  if (!checked) return refuse(context, checked.error());
  const json::Value verified = verified_json(*checked, !trusted.empty());
  if (context.json) {
    print(json::dump(verified) + "\n");
  } else {
    print_verified(verified);
  }
  if (trusted.empty()) {
    warn("no --key was given: whoever holds the key above signed this, and nothing tells who that is");
    return Exit::kDone;
  }
  if (checked->trusted) return Exit::kDone;
  return fail(Exit::kNo, "the report is signed with another key than the one given (" + checked->key_hex +
                             "): do not trust it before the store has told why");
}

struct KeyOptions {
  bool pem = false;
};

Exit show_key(const Context& context, const KeyOptions& options) {
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  const auto key = read_report_key(settings->journal.path);
  if (!key) return fail(key.error());
  const std::string hex = to_hex(key->public_key());
  if (context.json) {
    print(json::dump(json::Object{{"store", settings->store.id}, {"key", hex}, {"pem", key->public_pem()}}) +
          "\n");
  } else {
    print(options.pem ? key->public_pem() : hex + "\n");
  }
  return Exit::kDone;
}

}  // namespace

Result<std::string> public_key_from(const std::string& argument) {
  if (const auto bytes = from_hex(argument); bytes && bytes->size() == 32) return *bytes;
  auto text = read_file(argument);
  if (!text) return text;
  auto key = public_key_from_text(*text);
  if (!key) return Error{key.error().kind, key.error().code, argument + ": " + key.error().detail};
  return key;
}

void add_report_key(CLI::App& reports, Context& context) {
  CLI::App* command = add_command(
      reports, context,
      {"key", "shows the public key that the store's reports are signed with, for head office to keep",
       "  tillsync report key\n"
       "  tillsync report key --pem > 0417.pub\n",
       "0 done; 1 the daemon has not made one yet; 2 settings, or the key file is damaged; 4 it cannot be "
       "read"},
      JsonOption::kOffered);
  auto options = std::make_shared<KeyOptions>();
  command->add_flag("--pem", options->pem, "as PEM instead of 64 hexadecimal digits");
  command->callback([&context, options] { context.exit = show_key(context, *options); });
}

void add_report_verify(CLI::App& reports, Context& context) {
  CLI::App* command = add_command(
      reports, context,
      {"verify",
       "checks a report's signature (its JSON, page or CSV) without settings or network; trust comes from a\n"
       "  key that was taken at the store's installation, by `tillsync report key`",
       "  tillsync report verify 0417.json --key 0417.pub\n"
       "  tillsync report verify 0417.html --key 5e0f...c2\n",
       "0 it is what was signed, with the given key where one is given; 1 it is not, and why; 2 usage"},
      JsonOption::kOffered);
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("FILE", options->file, "what `tillsync report reconciliation` printed")->required();
  command->add_option("--key", options->keys,
                      "a public key that is trusted: a file, or its digits; any number");
  command->callback([&context, options] { context.exit = verify(context, *options); });
}

}  // namespace tillsync::cli
