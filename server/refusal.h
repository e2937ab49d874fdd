// Why an impression was not scored: the plain enum that the hot path hands around instead of a status with a
// message. server/rpc/refusal_status.h makes the caller's message of it, server/metrics counts it.
//
// Thread-safe: plain values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace adscore::server {

enum class Refusal : uint8_t {
  kQueueFull,         // RESOURCE_EXHAUSTED: max-queued-rows are waiting already
  kDeadlineTooClose,  // RESOURCE_EXHAUSTED: what waits already would take until after the deadline
  kDeadlineExceeded,  // the deadline passed before the forward pass
  kCancelled,         // the caller left
  kDraining,          // UNAVAILABLE: the server is going away
  kNoModel,           // UNAVAILABLE: the model has no version yet
  kNotFound,          // no such model, or not this version of it
  kInvalid,           // INVALID_ARGUMENT: the request can't be right
  kModelDamaged,      // UNAVAILABLE: the snapshot's file was changed under the model that serves
  kSchemaMismatch,    // FAILED_PRECONDITION: packed for another schema
};
inline constexpr size_t kRefusals = 10;

// As the metric's label `reason`.
constexpr const char* ToString(Refusal refusal) {
  switch (refusal) {
    case Refusal::kQueueFull:
      return "queue_full";
    case Refusal::kDeadlineTooClose:
      return "deadline_too_close";
    case Refusal::kDeadlineExceeded:
      return "deadline_exceeded";
    case Refusal::kCancelled:
      return "cancelled";
    case Refusal::kDraining:
      return "draining";
    case Refusal::kNoModel:
      return "no_model";
    case Refusal::kNotFound:
      return "not_found";
    case Refusal::kInvalid:
      return "invalid_argument";
    case Refusal::kModelDamaged:
      return "model_damaged";
    case Refusal::kSchemaMismatch:
      return "schema_mismatch";
  }
  return "unknown";
}

}  // namespace adscore::server
