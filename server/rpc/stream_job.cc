#include "server/rpc/stream_job.h"

#include <algorithm>
#include <chrono>

#include "server/rpc/grpc_deadline.h"
#include "server/rpc/serving_loop.h"
#include "server/rpc/stream_call.h"

namespace adscore::server {

v1::PredictStreamRequest* StreamJob::Prepare(StreamCall* stream) {
  stream_ = stream;
  arena_.Reset();
  request_ = arena_.Create<v1::PredictStreamRequest>();
  response_ = arena_.Create<v1::PredictStreamResponse>();
  return request_;
}

void StreamJob::Enqueue() {
  const Time now = loop_->clock().Now();
  Time until = ToSteady(stream_->deadline(), now);
  if (request_->timeout_us() > 0) {
    until = std::min(until, now + std::chrono::microseconds(request_->timeout_us()));
  }
  response_->set_request_id(request_->request_id());
  Begin(request_->request(), response_->mutable_response(), now, until);
}

void StreamJob::End(const grpc::Status& status, const ServedModel* served) {
  if (!status.ok()) {
    v1::RequestError* error = response_->mutable_error();
    error->set_code(status.error_code());
    error->set_message(status.error_message());
    if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
      error->set_retry_after_ms(static_cast<uint32_t>(retry_after.count()));
    }
  }
  loop_->Count(Method::kPredictStream, served, status.error_code(), *this);
  stream_->Deliver(this);
}

}  // namespace adscore::server
