#include "platform/http/system_trust.h"

#include <curl/curl.h>

#include <filesystem>

namespace tillsync::http {
namespace {

std::string find_ca_file() {
  const auto* facts = curl_version_info(CURLVERSION_NOW);
  if (facts->age >= CURLVERSION_SEVENTH && (facts->cainfo != nullptr || facts->capath != nullptr)) return {};
  for (const char* place : {"/etc/ssl/certs/ca-certificates.crt",  // Debian, Ubuntu
                            "/etc/pki/tls/certs/ca-bundle.crt",    // Red Hat and its like
                            "/etc/ssl/ca-bundle.pem",              // SUSE
                            "/etc/ssl/cert.pem"}) {                // Alpine
    std::error_code fault;
    if (std::filesystem::is_regular_file(place, fault)) return place;
  }
  return {};
}

}  // namespace

const std::string& system_ca_file() {
  static const std::string file = find_ca_file();
  return file;
}

}  // namespace tillsync::http
