#include "agent/connectors/file/file_target.h"

#include "agent/connectors/pace_limits.h"
#include "platform/transfer/local_folder.h"
#include "platform/transfer/server_folder.h"

namespace tillsync::file {
namespace {

/// A server's folder that reads its secret when it is first needed, and again after the server refused it.
class SignedInFolder final : public transfer::Folder {
 public:
  SignedInFolder(std::unique_ptr<transfer::ServerFolder> folder, SecretReference secret,
                 Credentials::ReadSecret read)
      : folder_(std::move(folder)), secret_(std::move(secret)), read_(std::move(read)) {}

  Result<void> put(const std::string& name, std::string_view bytes) override {
    return signed_in<void>([&] { return folder_->put(name, bytes); });
  }
  Result<std::optional<std::string>> get(const std::string& name, std::size_t bytes_max) override {
    return signed_in<std::optional<std::string>>([&] { return folder_->get(name, bytes_max); });
  }
  Result<void> reach() override {
    return signed_in<void>([&] { return folder_->reach(); });
  }
  std::string place() const override { return folder_->place(); }

 private:
  template <class T>
  Result<T> signed_in(const std::function<Result<T>()>& use) {
    if (!have_secret_) {
      auto secret = read_(secret_);
      if (!secret) return Error{ErrorKind::kUnavailable, "login", secret.error().detail};
      folder_->set_secret(std::move(*secret));
      have_secret_ = true;
    }
    Result<T> result = use();
    if (!result && result.error().code == "login") have_secret_ = false;
    return result;
  }

  std::unique_ptr<transfer::ServerFolder> folder_;
  const SecretReference secret_;
  const Credentials::ReadSecret read_;
  bool have_secret_ = false;
};

Result<std::unique_ptr<transfer::Folder>> open_folder(const TargetSettings& settings, Files& files,
                                                      const std::atomic<bool>& stop,
                                                      Credentials::ReadSecret read) {
  constexpr std::string_view kLocal = "file://";
  if (settings.base_url.rfind(kLocal, 0) == 0) {
    std::string path = settings.base_url.substr(kLocal.size());
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return std::unique_ptr<transfer::Folder>(std::make_unique<transfer::LocalFolder>(std::move(path), files));
  }
  transfer::ServerOptions options;
  options.url = settings.base_url;
  options.implicit_tls = settings.file.tls == "implicit";
  options.ca_file = settings.ca_file;
  options.known_hosts = settings.file.known_hosts;
  options.host_key_sha256 = settings.file.host_key_sha256;
  options.user = settings.auth.user;
  options.timeout = settings.timeout;
  const bool by_key = settings.auth.kind == "ssh_key";
  if (by_key) options.key_file = settings.auth.key_file;
  auto server = transfer::ServerFolder::open(std::move(options), stop);
  if (!server) return server.error();
  return std::unique_ptr<transfer::Folder>(std::make_unique<SignedInFolder>(
      std::move(*server), by_key ? settings.auth.passphrase : settings.auth.password, std::move(read)));
}

}  // namespace

Result<std::unique_ptr<TargetPort>> make_file_port(const std::string& name, const TargetSettings& settings,
                                                   const std::string& store, FileHost host,
                                                   Credentials::ReadSecret read) {
  auto stop = std::make_shared<std::atomic<bool>>(false);
  auto folder = open_folder(settings, *host.files, *stop, std::move(read));
  if (!folder) return folder.error();
  BatchSender::Parts parts;
  parts.store = store;
  parts.target = name;
  parts.format = format_of(settings.file.format);
  parts.ledger_folder = host.journal_folder + "/" + kLedgerFolder;
  parts.folder = std::move(*folder);
  parts.make_room = std::move(host.make_room);
  return std::unique_ptr<TargetPort>(
      std::make_unique<FileConnector>(std::make_unique<BatchSender>(std::move(parts)), std::move(stop),
                                      std::move(host.post), pace_limits(settings, nullptr)));
}

}  // namespace tillsync::file
