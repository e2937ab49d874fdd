#include "server/rpc/tensorflow_job.h"

namespace adscore::server {

// What is wrong is said when it is decoded: see InferJob::Begin.
void TensorFlowJob::Begin(const Request& request, Response* response, Time now, Time until) {
  request_ = &request;
  response_ = response;
  decoder_.Trim();
  rows = RequestedRows(request);
  const absl::Status status = ParseModelSpec(request.model_spec(), &wanted);
  invalid_.assign(status.message().data(), status.message().size());
  Enqueue(now, until);
}

std::optional<Refusal> TensorFlowJob::Decode(const ServedModel& served, model::Impression* impression) {
  if (!invalid_.empty()) return Refusal::kInvalid;
  return decoder_.Decode(*request_, served.model->snapshot(), impression);
}

void TensorFlowJob::Answer(const ServedModel& served, std::span<const float> probabilities) {
  EncodeTensorFlowResponse(served.name, served.version, served.model->snapshot(), probabilities,
                           decoder_.heads(), response_);
  End(grpc::Status::OK, &served);
}

}  // namespace adscore::server
