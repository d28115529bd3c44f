#include "agent/assembly/report_key.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "platform/service/service_host.h"

namespace tillsync {
namespace {

namespace fs = std::filesystem;

std::string path_of(const std::string& folder) {
  return folder + "/" + kReportKeyFile;
}

Error unwritten(const std::string& path) {
  return Error{ErrorKind::kStorage, "storage-io",
               "cannot write " + path + "; make room and give this user the right to write there"};
}

/// Under another name first: a crash leaves a whole key or none.
Result<void> write_key(const std::string& folder, const std::string& pem) {
  const std::string partial = path_of(folder) + ".partial";
  std::error_code failed;
  fs::remove(partial, failed);
  std::ofstream file(partial, std::ios::binary);
  fs::permissions(partial, fs::perms::owner_read | fs::perms::owner_write, failed);  // before it is filled
  file << pem;
  file.close();
  if (failed || !file) return unwritten(partial);
  if (auto synced = fsync_file(partial); !synced) return synced;
  fs::rename(partial, path_of(folder), failed);
  if (failed) return unwritten(path_of(folder));
  return fsync_directory(folder);
}

}  // namespace

Result<SigningKey> read_report_key(const std::string& journal_folder) {
  const std::string path = path_of(journal_folder);
  std::error_code failed;
  if (!fs::exists(path, failed)) {
    if (failed && failed != std::errc::no_such_file_or_directory)
      return Error{ErrorKind::kStorage, "storage-io",
                   "cannot look at " + path + "; run this as the user that runs tillsync"};
    return Error{ErrorKind::kNotFound, "no-report-key",
                 "there is no " + path + " yet; the daemon makes it at its first start"};
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file)
    return Error{ErrorKind::kStorage, "storage-io",
                 "cannot read " + path + "; run this as the user that runs tillsync"};
  auto key = SigningKey::from_pem(text.str());
  if (key) return key;
  return Error{ErrorKind::kInvalid, "report-key",
               path +
                   " is no Ed25519 private key; bring it back from a backup, or move it away, restart, and "
                   "give head office the new key"};
}

Result<SigningKey> open_report_key(const std::string& journal_folder) {
  auto key = read_report_key(journal_folder);
  if (key || key.error().kind != ErrorKind::kNotFound) return key;
  const auto pair = make_ed25519_pair();
  if (auto written = write_key(journal_folder, pair.private_key); !written) return written.error();
  return SigningKey::from_pem(pair.private_key);
}

}  // namespace tillsync
