// How a failed call reads to the person who made it: the server's own words where it sent some, otherwise
// what went wrong on the way and what to do.
//
// Thread-safe: pure functions.
#pragma once

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace adscore::client {

// The same code (gRPC's and abseil's numbers agree) and the server's message. Where gRPC itself made the
// status (nothing listens there, the name does not resolve, no answer in time) the message names `target` or
// `deadline` instead.
absl::Status FromGrpc(const grpc::Status& status, const std::string& target,
                      std::chrono::milliseconds deadline);

// InvalidArgument unless `target` is HOST:PORT with a port of 1 to 65535, or begins like one of gRPC's URIs
// (unix:, dns:, ipv4:, ipv6:), whose rest is gRPC's to check. gRPC would take a missing port for 443.
absl::Status CheckTarget(const std::string& target);

}  // namespace adscore::client
