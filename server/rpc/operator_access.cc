#include "server/rpc/operator_access.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "grpc/grpc_security_constants.h"

namespace adscore::server {
namespace {

// Those that a verified certificate has; none without one.
std::vector<std::string> NamesOf(const grpc::ServerContext& context) {
  std::vector<std::string> names;
  const std::shared_ptr<const grpc::AuthContext> caller = context.auth_context();
  if (caller == nullptr || !caller->IsPeerAuthenticated()) return names;
  for (const char* property : {GRPC_X509_CN_PROPERTY_NAME, GRPC_X509_SAN_PROPERTY_NAME}) {
    for (const grpc::string_ref& name : caller->FindPropertyValues(property)) {
      names.emplace_back(name.data(), name.size());
    }
  }
  return names;
}

bool IsOnThisMachine(const std::string& peer) {
  return absl::StartsWith(peer, "ipv4:127.") || absl::StartsWith(peer, "ipv6:[::1]:") ||
         absl::StartsWith(peer, "ipv6:%5B::1%5D:");
}

grpc::Status Denied(const std::string& why) { return {grpc::StatusCode::PERMISSION_DENIED, why}; }

}  // namespace

grpc::Status CheckAccess(const OperatorAccess& access, bool decides, const grpc::ServerContext& context) {
  switch (access.who) {
    case OperatorAccess::Who::kAnyone:
      return grpc::Status::OK;
    case OperatorAccess::Who::kThisMachine:
      if (!decides || IsOnThisMachine(context.peer())) return grpc::Status::OK;
      return Denied(
          "only callers on the server's own machine may decide on its models; call from there, or start it "
          "with "
          "--operator-listen or --operator-clients");
    case OperatorAccess::Who::kNamed: {
      const std::vector<std::string> names = NamesOf(context);
      const bool is_named = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return std::find(access.names.begin(), access.names.end(), name) != access.names.end();
      });
      if (is_named) return grpc::Status::OK;
      return Denied(absl::StrCat(
          "ModelService is for the clients that the server's --operator-clients names, and not for ",
          names.empty() ? "callers without a verified certificate" : absl::StrJoin(names, ", ")));
    }
    case OperatorAccess::Who::kNobody:
      return Denied("ModelService is not answered here but on the address of the server's --operator-listen");
  }
  return Denied("ModelService is closed");
}

std::string CallerOf(const grpc::ServerContext& context) {
  const std::vector<std::string> names = NamesOf(context);
  return names.empty() ? context.peer() : absl::StrCat(names.front(), " at ", context.peer());
}

}  // namespace adscore::server
