#include "agent/assembly/reloader.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "agent/access/certificates.h"
#include "config/changes.h"
#include "platform/crypto/sha256.h"
#include "platform/service/reloading.h"
#include "platform/service/service_host.h"
#include "platform/service/this_thread.h"

namespace tillsync {
namespace {

constexpr std::size_t kNamesShownMax = 20;

std::string listed(const std::vector<std::string>& names) {
  std::string list;
  for (std::size_t i = 0; i < names.size() && i < kNamesShownMax; ++i)
    (list += list.empty() ? "" : ", ") += names[i];
  if (names.size() > kNamesShownMax)
    list += " and " + std::to_string(names.size() - kNamesShownMax) + " more";
  return list;
}

std::string digest_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in.is_open()) return {};
  return to_hex(sha256(std::string(std::istreambuf_iterator<char>(in), {})));
}

std::string digest_of_secret(const SecretReference& reference) {
  const auto secret = read_secret(reference);
  return secret ? to_hex(sha256(*secret)) : std::string();
}

/// What documents, references and the journal are built upon, and the sockets themselves: half of a store
/// under one rule and half under another would be worse than a restart.
std::vector<std::string> needing_restart(const std::vector<std::string>& changed, const Settings& before,
                                         const Settings& after) {
  static const std::set<std::string> kListeners = {"till.unix_socket", "till.tcp", "ops.tcp"};
  std::vector<std::string> names;
  for (const auto& name : changed) {
    const bool tls_on_or_off = (name == "till.tls_certificate" && before.till.tls() != after.till.tls()) ||
                               (name == "ops.tls_certificate" && before.ops.tls() != after.ops.tls());
    if (name.starts_with("store.") || name.starts_with("journal.") || kListeners.contains(name) ||
        tls_on_or_off)
      names.push_back(name);
  }
  return names;
}

Result<void> check_certificates(const Settings& settings) {
  if (settings.till.tls() && !settings.till.tcp.empty()) {
    if (auto till = load_tls("till", settings.till, ""); !till) return till.error();
  }
  if (settings.ops.tls()) {
    if (auto ops = load_tls("ops", settings.ops, settings.ops.client_ca_file); !ops) return ops.error();
  }
  return ok();
}

bool is_of_works(const std::string& name) {
  return !name.starts_with("log.") && !name.starts_with("till.") && !name.starts_with("ops.");
}

void tell(Result<void> told) {
  if (!told) log::warning("service_manager.unreachable", {{"detail", told.error().detail}});
}

}  // namespace

log::LogOptions log_options(const LogSettings& settings) {
  log::LogOptions options;
  options.file = settings.file;
  options.format = settings.format;
  options.level = settings.level;
  options.rotate_mib = settings.rotate_mib;
  options.rotate_keep = settings.rotate_keep;
  return options;
}

NamedContents named_contents(const Settings& settings) {
  NamedContents contents;
  for (const auto& [name, target] : settings.targets) {
    const std::string at = "targets." + name + ".";
    const auto file = [&](const char* key, const std::string& path) {
      if (!path.empty()) contents[at + key] = digest_of_file(path);
    };
    const auto secret = [&](const char* key, const SecretReference& reference) {
      if (!reference.empty()) contents[at + key] = digest_of_secret(reference);
    };
    file("connector", target.connector_file);
    file("ca_file", target.ca_file);
    file("file.known_hosts", target.file.known_hosts);
    file("auth.key_file", target.auth.key_file);
    secret("token", target.token);
    secret("auth.password", target.auth.password);
    secret("auth.key", target.auth.key);
    secret("auth.client_secret", target.auth.client_secret);
    secret("auth.private_key", target.auth.private_key);
    secret("auth.passphrase", target.auth.passphrase);
  }
  return contents;
}

Result<NewSettings> read_new_settings(const ReadSettings& read, const Settings& running,
                                      const NamedContents& contents) {
  auto settings = read();
  if (!settings) return settings.error();
  NewSettings fresh{std::move(*settings), {}, {}, false};
  fresh.changed = changed_settings(running, fresh.settings);
  const auto restart = needing_restart(fresh.changed, running, fresh.settings);
  if (!restart.empty()) {
    return Error{ErrorKind::kInvalid, "needs-restart",
                 listed(restart) +
                     " can only change with a restart, so that nothing of the file was taken: "
                     "restart tillsync, or set them back and reload again"};
  }
  if (auto good = check_certificates(fresh.settings); !good) return good.error();
  fresh.contents = named_contents(fresh.settings);
  for (const auto& [name, digest] : fresh.contents) {
    const auto held = contents.find(name);
    const bool named = std::find(fresh.changed.begin(), fresh.changed.end(), name) != fresh.changed.end();
    if (held != contents.end() && held->second != digest && !named) fresh.changed.push_back(name);
  }
  fresh.changes_works = std::any_of(fresh.changed.begin(), fresh.changed.end(), is_of_works);
  return fresh;
}

Reloader::Reloader(const Settings& running, Parts parts)
    : parts_(std::move(parts)), running_(running), contents_(named_contents(running)) {
  state_.loaded_at = parts_.clock.utc_now();
}

Reloader::~Reloader() {
  join();
}

void Reloader::join() {
  if (thread_.joinable()) thread_.join();
}

void Reloader::reload() {
  if (stopping_) return;
  if (busy_) {
    again_ = true;
    return;
  }
  busy_ = true;
  log::info("settings.reload");
  tell(notify_reloading());
  join();  // the one before has told its end already
  thread_ = std::thread([this] {
    name_this_thread("reload");
    auto done = work();
    parts_.loop.post([this, done = std::move(done)]() mutable { finished(std::move(done)); });
  });
}

Reloader::Done Reloader::work() {
  auto fresh = read_new_settings(parts_.read, running_, contents_);
  if (!fresh) return fresh.error();
  // Always: a log file that was moved away is written anew.
  if (auto opened = log::start(log_options(fresh->settings.log)); !opened) return opened.error();
  if (fresh->changes_works) {
    if (auto done = parts_.take_over(fresh->settings); !done) {
      tell(log::start(log_options(running_.log)));
      return done.error();
    }
  }
  return std::move(*fresh);
}

void Reloader::finished(Done done) {
  busy_ = false;
  if (stopping_) return;
  if (const auto* error = std::get_if<Error>(&done)) {
    refused(*error);
  } else {
    taken(std::move(std::get<NewSettings>(done)));
  }
  parts_.in_force(running_);
  tell(notify_ready());
  if (std::exchange(again_, false)) reload();
}

void Reloader::refused(const Error& error) {
  state_.refusal = SettingsState::Refusal{parts_.clock.utc_now(), error.detail};
  state_.refused = true;
  log::error("settings.refused", {{"code", error.code}, {"detail", error.detail}});
  tell(notify_status("settings refused, the old ones stay: " + error.detail));
}

void Reloader::taken(NewSettings taken) {
  state_.loaded_at = parts_.clock.utc_now();
  if (std::exchange(state_.refused, false)) tell(notify_status(""));
  running_ = std::move(taken.settings);
  contents_ = std::move(taken.contents);
  const std::string changed = listed(taken.changed);
  log::info("settings.loaded", {{"changed", changed}});
  if (!taken.changed.empty()) parts_.audit({"settings-changed", "", "", changed});
}

}  // namespace tillsync
