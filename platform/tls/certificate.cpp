#include "platform/tls/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "platform/tls/openssl.h"

namespace tillsync::tls {
namespace {

std::string text_of(const ASN1_STRING* string) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, string);
  if (size < 0) return {};
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  // "good.example\0evil.example" is for some readers the one name and for some the other: it is no name.
  return text.find('\0') == std::string::npos ? text : std::string();
}

UtcTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  using namespace std::chrono;
  const sys_days day = year(parts.tm_year + 1900) / (parts.tm_mon + 1) / parts.tm_mday;
  return time_point_cast<UtcTime::duration>(day + hours(parts.tm_hour) + minutes(parts.tm_min) +
                                            seconds(parts.tm_sec));
}

std::string subject_of(X509& certificate) {
  const Owned<BIO> out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), X509_get_subject_name(&certificate), 0, XN_FLAG_RFC2253);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(std::max(size, 0L)));
}

std::string common_name(X509& certificate) {
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  return at < 0 ? std::string() : text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

std::string ip_text(const ASN1_OCTET_STRING* address) {
  const unsigned char* bytes = ASN1_STRING_get0_data(address);
  const int size = ASN1_STRING_length(address);
  std::string text;
  if (size == 4) {
    for (int i = 0; i < 4; ++i) text += (i == 0 ? "" : ".") + std::to_string(bytes[i]);
  } else if (size == 16) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (int i = 0; i < 16; ++i) {
      if (i > 0 && i % 2 == 0) text += ':';
      text += kDigits[bytes[i] >> 4];
      text += kDigits[bytes[i] & 15];
    }
  }
  return text;
}

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

}  // namespace

Owned<BIO> bio_of(std::string_view text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::vector<Owned<X509>> certificates_in(std::string_view pem) {
  std::vector<Owned<X509>> all;
  const auto bio = bio_of(pem);
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    all.emplace_back(certificate);
  ERR_clear_error();
  return all;
}

std::string take_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string text = reason == nullptr ? "" : reason;
  ERR_clear_error();
  return text;
}

CertificateFacts facts_of(X509& certificate) {
  CertificateFacts facts;
  facts.subject = subject_of(certificate);
  facts.not_before = time_of(X509_get0_notBefore(&certificate));
  facts.not_after = time_of(X509_get0_notAfter(&certificate));
  add_once(facts.names, common_name(certificate));
  std::string dns, ip;
  auto* alternatives =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    std::string text;
    if (name->type == GEN_DNS) {
      text = text_of(name->d.dNSName);
      if (dns.empty()) dns = text;
    } else if (name->type == GEN_EMAIL) {
      text = text_of(name->d.rfc822Name);
    } else if (name->type == GEN_IPADD) {
      text = ip_text(name->d.iPAddress);
      if (ip.empty()) ip = text;
    }
    add_once(facts.names, text);
  }
  GENERAL_NAMES_free(alternatives);
  const std::string bracketed = ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
  facts.host = !dns.empty() ? dns : !ip.empty() ? bracketed : common_name(certificate);
  if (facts.host.starts_with("*.")) facts.host.replace(0, 1, "tillsync");
  return facts;
}

Result<CertificateFacts> certificate_facts(std::string_view pem) {
  const auto all = certificates_in(pem);
  if (!all.empty()) return facts_of(*all.front());
  return Error{
      ErrorKind::kInvalid, "certificate",
      "there is no certificate in it; it must be PEM, -----BEGIN CERTIFICATE----- and all lines up to "
      "its END"};
}

int days_left(const CertificateFacts& facts, UtcTime now) {
  return static_cast<int>(std::chrono::floor<std::chrono::days>(facts.not_after - now).count());
}

}  // namespace tillsync::tls
