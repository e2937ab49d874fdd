#include "server/tls_files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace adscore::server {
namespace {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

absl::Status Problem(const char* flag, const std::string& path, const std::string& what) {
  ERR_clear_error();
  return absl::FailedPreconditionError(absl::StrCat(flag, " ", path, ": ", what));
}

absl::StatusOr<std::string> Read(const char* flag, const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || text.str().empty()) {
    return Problem(flag, path,
                   errno != 0 ? absl::StrCat("can't be read: ", std::strerror(errno)) : "is empty");
  }
  return text.str();
}

Bio MemoryOf(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The first certificate in the file, which must be valid now.
absl::StatusOr<Certificate> ReadCertificate(const char* flag, const std::string& path) {
  const absl::StatusOr<std::string> text = Read(flag, path);
  if (!text.ok()) return text.status();
  Certificate certificate(PEM_read_bio_X509(MemoryOf(*text).get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return Problem(flag, path, "has no certificate in PEM form");
  if (X509_cmp_current_time(X509_get0_notBefore(certificate.get())) > 0) {
    return Problem(flag, path, "its certificate is not valid yet");
  }
  if (X509_cmp_current_time(X509_get0_notAfter(certificate.get())) < 0) {
    return Problem(flag, path, "its certificate has expired; renew it");
  }
  return certificate;
}

// Never asks a person for the passphrase.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

}  // namespace

absl::Status CheckTlsFiles(const TlsFiles& files) {
  if (!files.on()) return absl::OkStatus();
  const absl::StatusOr<Certificate> certificate = ReadCertificate("--tls-cert", files.certificate);
  if (!certificate.ok()) return certificate.status();
  const absl::StatusOr<std::string> text = Read("--tls-key", files.key);
  if (!text.ok()) return text.status();
  const Key key(PEM_read_bio_PrivateKey(MemoryOf(*text).get(), nullptr, &NoPassphrase, nullptr));
  if (key == nullptr) {
    return Problem("--tls-key", files.key, "has no private key in PEM form, or one with a passphrase");
  }
  if (X509_check_private_key(certificate->get(), key.get()) != 1) {
    return Problem("--tls-key", files.key,
                   absl::StrCat("is not the key of the certificate in ", files.certificate));
  }
  if (files.client_ca.empty()) return absl::OkStatus();
  return ReadCertificate("--tls-client-ca", files.client_ca).status();
}

}  // namespace adscore::server
