// What the gRPC ports shake hands with.
//
// Thread-safe.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "grpcpp/security/server_credentials.h"
#include "server/tls_files.h"

namespace adscore::server {

// TLS with `files`, which are looked at every other second and used for new connections when they have
// changed; with client_ca, callers without a certificate that it has signed get no connection. Plaintext if
// `files` are off. The errors of CheckTlsFiles.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(const TlsFiles& files);

}  // namespace adscore::server
