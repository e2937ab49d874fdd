// How a client encrypts its calls and shows who it is.
//
// Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "grpcpp/security/credentials.h"

namespace adscore::client {

// Paths of PEM files; empty: none.
struct TlsOptions {
  std::string ca{};           // roots that sign the server's certificate; none: plaintext
  std::string certificate{};  // ours, where the server asks for one (its --tls-client-ca)
  std::string key{};          // of `certificate`
  // The name that the server's certificate must have; empty: the target's.
  std::string server_name{};
};

// Reads the files. InvalidArgument if one is missing beside another, or can't be read.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const TlsOptions& options);

}  // namespace adscore::client
