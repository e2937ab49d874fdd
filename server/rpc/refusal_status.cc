#include "server/rpc/refusal_status.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace adscore::server {
namespace {

// "ads (version 7), video (version 2)"
std::string ServingNow(const Registry& registry) {
  std::vector<std::string> names;
  const auto models = registry.Pin();
  for (const auto& [name, versions] : *models) {
    names.push_back(absl::StrCat(name, " (version ", versions.stable->version, ")"));
  }
  return names.empty() ? "nothing yet" : absl::StrJoin(names, ", ");
}

grpc::Status NoVersionYet(const std::string& name) {
  return {grpc::StatusCode::UNAVAILABLE,
          name.empty()
              ? "no model has a version that serves yet; retry elsewhere, or later"
              : absl::StrCat("model '", name, "' has no version that serves yet; retry elsewhere, or later")};
}

// A model that lies in the model root but does not serve is not there yet; any other name is wrong.
grpc::Status NotFound(const RefusedRequest& request, const Registry& registry) {
  const std::vector<ModelStatus> statuses = registry.Statuses();
  const auto known = std::find_if(statuses.begin(), statuses.end(),
                                  [&](const ModelStatus& status) { return status.name == request.model; });
  if (known != statuses.end() && known->serving_version == 0) return NoVersionYet(request.model);
  std::string what = absl::StrCat("no version ", request.version, " of the model is in memory");
  if (known == statuses.end() && !request.model.empty()) {
    what = absl::StrCat("no model '", request.model, "'");
  } else if (!request.label.empty()) {
    what = absl::StrCat("label: no version of the model is '", request.label, "' now");
  }
  return {grpc::StatusCode::NOT_FOUND, absl::StrCat(what, "; this server serves ", ServingNow(registry))};
}

grpc::Status Invalid(const RefusedRequest& request, const Registry& registry, const Admission& admission) {
  std::string message = request.detail;
  if (message.empty() && request.rows > admission.max_queued_rows()) {
    message = absl::StrCat(request.rows_field, ": ", request.rows,
                           " candidates are more than this server takes at a time, ",
                           admission.max_queued_rows(), "; split the impression");
  } else if (message.empty() && !request.label.empty()) {
    message = request.version != 0
                  ? "label: not together with a version; leave one of them out"
                  : absl::StrCat("label: '", request.label, "' is neither 'stable' nor 'canary'");
  } else if (message.empty()) {
    message = absl::StrCat("model: required, since this server serves several: ", ServingNow(registry));
  }
  return {grpc::StatusCode::INVALID_ARGUMENT, message};
}

}  // namespace

grpc::Status RefusalStatus(Refusal refusal, const RefusedRequest& request, const Registry& registry,
                           const Admission& admission) {
  switch (refusal) {
    case Refusal::kQueueFull:
      return {grpc::StatusCode::RESOURCE_EXHAUSTED,
              absl::StrCat("the queue is full: ", admission.queued_rows(), " rows wait, at most ",
                           admission.max_queued_rows(), " may; retry elsewhere, or later")};
    case Refusal::kDeadlineTooClose:
      return {grpc::StatusCode::RESOURCE_EXHAUSTED,
              absl::StrCat("the deadline can't be met: ", admission.queued_rows(),
                           " rows wait already; retry elsewhere, or later")};
    case Refusal::kDeadlineExceeded:
      return {grpc::StatusCode::DEADLINE_EXCEEDED,
              "the deadline passed before the forward pass began; nothing was computed"};
    case Refusal::kCancelled:
      return {grpc::StatusCode::CANCELLED, "the caller cancelled the call"};
    case Refusal::kDraining:
      return {grpc::StatusCode::UNAVAILABLE, "the server is draining; retry elsewhere"};
    case Refusal::kNoModel:
      return NoVersionYet(request.model);
    case Refusal::kNotFound:
      return NotFound(request, registry);
    case Refusal::kInvalid:
      return Invalid(request, registry, admission);
    case Refusal::kModelDamaged:
      return {grpc::StatusCode::UNAVAILABLE,
              "the model's snapshot file was changed while it served, so there is no answer to trust; retry "
              "elsewhere"};
    case Refusal::kSchemaMismatch:
      return {grpc::StatusCode::FAILED_PRECONDITION, request.detail};
  }
  return {grpc::StatusCode::INTERNAL, "refused for a reason that has no status"};
}

}  // namespace adscore::server
