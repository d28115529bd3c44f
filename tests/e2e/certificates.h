// Certificates as store IT makes them: by the openssl command, in a folder.
#pragma once

#include <string>
#include <vector>

namespace tillsync::testing {

class Certificates {
 public:
  /// Makes an authority of its own in `folder` (ca.pem). Throws std::runtime_error where openssl fails.
  explicit Certificates(std::string folder);

  std::string ca_file() const { return file("ca.pem"); }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  /// NAME.pem and NAME.key, signed by the authority; CN and DNS name `host`, and IP 127.0.0.1. Good from now
  /// on for `days`, or, with 0, in January 2020 alone.
  void issue(const std::string& name, const std::string& host, int days = 30);

 private:
  void openssl(std::vector<std::string> arguments) const;

  const std::string folder_;
};

}  // namespace tillsync::testing
