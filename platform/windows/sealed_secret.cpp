#include "platform/service/sealed_secret.h"

#include <windows.h>
// After windows.h, whose types it uses.
#include <dpapi.h>

#include "platform/windows/handle.h"

namespace tillsync {
namespace {

/// Mixed in, so that no other program's sealed data opens as ours.
constexpr std::string_view kPurpose = "tillsync secret 1";

DATA_BLOB blob_of(std::string_view bytes) {
  return {static_cast<DWORD>(bytes.size()), reinterpret_cast<BYTE*>(const_cast<char*>(bytes.data()))};
}

/// The bytes, wiped where they lay.
std::string taken(const DATA_BLOB& blob) {
  std::string bytes(reinterpret_cast<const char*>(blob.pbData), blob.cbData);
  ::SecureZeroMemory(blob.pbData, blob.cbData);
  ::LocalFree(blob.pbData);
  return bytes;
}

}  // namespace

// The machine's key and not the user's: an administrator seals, the service's account opens.
Result<std::string> seal_secret(std::string_view secret) {
  DATA_BLOB in = blob_of(secret), purpose = blob_of(kPurpose), out{};
  if (::CryptProtectData(&in, L"tillsync", &purpose, nullptr, nullptr,
                         CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN, &out) == 0) {
    return Error{ErrorKind::kUnavailable, "no-sealing",
                 "this system cannot seal a secret: " + words_for(::GetLastError())};
  }
  return taken(out);
}

Result<std::string> unseal_secret(std::string_view sealed) {
  DATA_BLOB in = blob_of(sealed), purpose = blob_of(kPurpose), out{};
  if (::CryptUnprotectData(&in, nullptr, &purpose, nullptr, nullptr, CRYPTPROTECT_UI_FORBIDDEN, &out) == 0) {
    return Error{ErrorKind::kInvalid, "sealed-elsewhere",
                 "is no secret that this machine has sealed (" + words_for(::GetLastError()) +
                     "); seal it here with `tillsync secret seal`"};
  }
  return taken(out);
}

}  // namespace tillsync
