#include "server/rpc/infer_job.h"

#include <algorithm>

namespace adscore::server {

// What is wrong with its parameters is said when it is decoded, like what is wrong with its tensors: so that
// it is admitted, counted and refused in the one way there is.
void InferJob::Begin(const Request& request, Response* response, Time now, Time until) {
  request_ = &request;
  response_ = response;
  decoder_.Trim();
  rows = RequestedRows(request);
  InferOptions options;
  const absl::Status status = ParseInferOptions(request, &options);
  invalid_.assign(status.message().data(), status.message().size());
  wanted = {
      .model = request.model_name(), .version = options.version, .label = options.label, .key = options.key};
  if (options.timeout.count() > 0) until = std::min<Time>(until, now + options.timeout);
  Enqueue(now, until);
}

std::optional<Refusal> InferJob::Decode(const ServedModel& served, model::Impression* impression) {
  if (!invalid_.empty()) return Refusal::kInvalid;
  return decoder_.Decode(*request_, served.model->snapshot(), impression);
}

void InferJob::Answer(const ServedModel& served, std::span<const float> probabilities) {
  EncodeInferResponse(*request_, served.name, served.version, served.model->snapshot(), probabilities,
                      decoder_.heads(), response_);
  End(grpc::Status::OK, &served);
}

}  // namespace adscore::server
