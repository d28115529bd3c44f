#include "tests/e2e/certificates.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tests/support/process.h"

namespace tillsync::testing {

Certificates::Certificates(std::string folder) : folder_(std::move(folder)) {
  std::filesystem::create_directories(folder_);
  std::ofstream(file("ca.cnf"))
      << "[ca]\ndefault_ca = d\n[d]\ndatabase = db\nserial = serial\nnew_certs_dir = .\n"
         "default_md = sha256\npolicy = p\ncopy_extensions = copy\nunique_subject = no\n"
         "[p]\ncommonName = supplied\n";
  std::ofstream(file("serial")) << "01\n";
  std::ofstream(file("db"));
  openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
           "ca.key", "-out", "ca.pem", "-subj", "/CN=A shop's authority", "-days", "30"});
}

void Certificates::issue(const std::string& name, const std::string& host, int days) {
  openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key",
           "-out", name + ".csr", "-subj", "/CN=" + host, "-addext",
           "subjectAltName=DNS:" + host + ",IP:127.0.0.1"});
  std::vector<std::string> sign{"ca",     "-batch",        "-config", "ca.cnf", "-cert",
                                "ca.pem", "-keyfile",      "ca.key",  "-in",    name + ".csr",
                                "-out",   name + ".fresh", "-notext"};
  if (days > 0) {
    sign.insert(sign.end(), {"-days", std::to_string(days)});
  } else {
    sign.insert(sign.end(), {"-startdate", "20200101000000Z", "-enddate", "20200131000000Z"});
  }
  openssl(sign);
  std::filesystem::rename(file(name + ".fresh"), file(name + ".pem"));
}

void Certificates::openssl(std::vector<std::string> arguments) const {
  ProcessOptions process;
  process.argv = {"/usr/bin/openssl"};
  process.argv.insert(process.argv.end(), arguments.begin(), arguments.end());
  process.working_dir = folder_;
  const auto run = run_program(process, std::chrono::seconds(20));
  if (run.status != 0) throw std::runtime_error("openssl " + arguments.front() + ": " + run.errors);
}

}  // namespace tillsync::testing
