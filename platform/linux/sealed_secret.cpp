#include "platform/service/sealed_secret.h"

namespace tillsync {
namespace {

Error none() {
  return {ErrorKind::kUnavailable, "no-sealing",
          "dpapi: is for Windows; here use LoadCredentialEncrypted= in the unit (systemd-creds encrypt) and "
          "systemd-credential:NAME in the settings"};
}

}  // namespace

Result<std::string> seal_secret(std::string_view) {
  return none();
}
Result<std::string> unseal_secret(std::string_view) {
  return none();
}

}  // namespace tillsync
