// A refusal as the caller sees it: the status code of the contract, and a message that says what to do.
//
// Thread-safe: pure functions. They allocate, and ask the registry: for refusals only.
#pragma once

#include <cstdint>
#include <string>

#include "grpcpp/support/status.h"
#include "server/refusal.h"
#include "server/registry.h"
#include "server/serving/admission.h"

namespace adscore::server {

// What was asked for when it was refused.
struct RefusedRequest {
  std::string model;
  int64_t version = 0;
  std::string label{};
  size_t rows = 0;
  const char* rows_field = "candidate_count";  // where the caller gave them
  std::string detail{};  // what the decoder said, for kInvalid and kSchemaMismatch; may be empty
};

grpc::Status RefusalStatus(Refusal refusal, const RefusedRequest& request, const Registry& registry,
                           const Admission& admission);

}  // namespace adscore::server
