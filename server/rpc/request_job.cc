#include "server/rpc/request_job.h"

#include <string>
#include <vector>

#include "server/rpc/refusal_status.h"
#include "server/rpc/serving_loop.h"

namespace adscore::server {

void RequestJob::Begin(const v1::PredictRequest& request, v1::PredictResponse* response, Time now,
                       Time until) {
  request_ = &request;
  response_ = response;
  is_counted_ = !loop_->admission().draining();
  if (is_counted_) loop_->CountUnderWay(1);
  arrival = now;
  deadline = until;
  rows = RequestedRows(request);
  wanted = {
      .model = request.model(), .version = request.version(), .label = request.label(), .key = request.key()};
  cancelled = false;
  loop_->batcher().Enqueue(this);
}

void RequestJob::EndUnderWay() {
  if (is_counted_) loop_->CountUnderWay(-1);
  is_counted_ = false;
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
  loop_->Log(*request_, *response_);
  End(grpc::Status::OK, &served);
}

void RequestJob::Refuse(Refusal refusal, const ServedModel* served) {
  const RefusedRequest refused = {.model = std::string(wanted.model),
                                  .version = wanted.version,
                                  .label = std::string(wanted.label),
                                  .rows = rows,
                                  .detail = served == nullptr ? std::string() : decoder_.message()};
  End(RefusalStatus(refusal, refused, loop_->registry(), loop_->admission()), served);
}

}  // namespace adscore::server
