#include "client/tls.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace adscore::client {
namespace {

absl::StatusOr<std::string> Read(const char* what, const std::string& path) {
  if (path.empty()) return std::string();
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (file && !text.str().empty()) return text.str();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " ", path, errno != 0 ? absl::StrCat(": ", std::strerror(errno)) : " is empty"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const TlsOptions& options) {
  if (options.ca.empty()) {
    if (options.certificate.empty() && options.key.empty() && options.server_name.empty()) {
      return grpc::InsecureChannelCredentials();
    }
    return absl::InvalidArgumentError(
        "TLS needs the roots that have signed the server's certificate (--tls-ca); without them calls are "
        "not "
        "encrypted");
  }
  if (options.certificate.empty() != options.key.empty()) {
    return absl::InvalidArgumentError("a client certificate and its key go together (--tls-cert, --tls-key)");
  }
  const absl::StatusOr<std::string> ca = Read("--tls-ca", options.ca);
  if (!ca.ok()) return ca.status();
  const absl::StatusOr<std::string> certificate = Read("--tls-cert", options.certificate);
  if (!certificate.ok()) return certificate.status();
  const absl::StatusOr<std::string> key = Read("--tls-key", options.key);
  if (!key.ok()) return key.status();
  return grpc::SslCredentials(
      {.pem_root_certs = *ca, .pem_private_key = *key, .pem_cert_chain = *certificate});
}

}  // namespace adscore::client
