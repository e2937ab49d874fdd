// Who may call ModelService.
//
// Thread-safe: plain values and pure functions.
#pragma once

#include <string>
#include <vector>

#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"

namespace adscore::server {

struct OperatorAccess {
  enum class Who {
    kAnyone,       // who reaches this listener
    kThisMachine,  // reading: anyone; deciding: callers on loopback
    kNamed,        // whose verified certificate has one of `names`
    kNobody,       // another listener is for that
  };
  Who who = Who::kThisMachine;
  // Common names or subject alternative names, as they are in the certificate.
  std::vector<std::string> names{};
};

// PERMISSION_DENIED with the way out, or OK. `decides`: the call would change something.
grpc::Status CheckAccess(const OperatorAccess& access, bool decides, const grpc::ServerContext& context);

// The caller for the log: the name in its certificate, if it has one, and its address.
std::string CallerOf(const grpc::ServerContext& context);

}  // namespace adscore::server
