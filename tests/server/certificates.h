// Certificates for a test, made by the openssl command when it runs.
//
// Not thread-safe.
#pragma once

#include <cstdlib>
#include <string>

#include "tests/server/temp_directory.h"

namespace adscore::server {

// Roots, and what they sign: NAME.pem and NAME.key in a directory of its own.
class Certificates {
 public:
  Certificates() { Run("-keyout " + Key("ca") + " -out " + Pem("ca") + " -subj /CN=adscore-test-root"); }

  // A certificate with this common name that is valid for 127.0.0.1; replaces an earlier one.
  void Issue(const std::string& name) {
    Run("-CA " + Pem("ca") + " -CAkey " + Key("ca") + " -keyout " + Key(name) + " -out " + Pem(name) +
        " -subj /CN=" + name + " -addext subjectAltName=DNS:localhost,IP:127.0.0.1,DNS:" + name + ".example");
  }

  std::string Pem(const std::string& name) const { return directory_.path() + "/" + name + ".pem"; }
  std::string Key(const std::string& name) const { return directory_.path() + "/" + name + ".key"; }

 private:
  void Run(const std::string& arguments) const {
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 " + arguments +
        " 2>" + directory_.path() + "/errors";
    if (std::system(command.c_str()) != 0) std::abort();
  }

  const TempDirectory directory_;
};

}  // namespace adscore::server
