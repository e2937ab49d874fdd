#include "server/rpc/request_job.h"

#include <string>
#include <vector>

namespace adscore::server {

void RequestJob::Begin(const v1::PredictRequest& request, v1::PredictResponse* response, Time now,
                       Time until) {
  request_ = &request;
  response_ = response;
  rows = RequestedRows(request);
  wanted = {
      .model = request.model(), .version = request.version(), .label = request.label(), .key = request.key()};
  Enqueue(now, until);
}

std::optional<Refusal> RequestJob::Decode(const ServedModel& served, model::Impression* impression) {
  return decoder_.Decode(*request_, served.model->snapshot().schema, served.model->fingerprint(), impression);
}

void RequestJob::Answer(const ServedModel& served, std::span<const float> probabilities) {
  std::vector<std::string> names;
  if (request_->has_named()) {
    for (const model::Head& head : served.model->snapshot().heads) names.push_back(head.name);
  }
  EncodeResponse(served.version, probabilities, served.model->heads(), names, response_);
  End(grpc::Status::OK, &served);
}

}  // namespace adscore::server
