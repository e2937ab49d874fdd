#include "server/rpc/infer_job.h"

#include <algorithm>

#include "grpcpp/impl/codegen/proto_utils.h"

namespace adscore::server {

// What is wrong with its parameters is said when it is decoded, like what is wrong with its tensors: so that
// it is admitted, counted and refused in the one way there is.
void InferJob::Begin(const Request& bytes, Response* response, Time now, Time until) {
  response_ = response;
  request_.Trim();
  decoder_.Trim();
  if (const absl::Status read = ReadRequest(bytes); !read.ok()) {
    arrival = now;
    return End({grpc::StatusCode::INVALID_ARGUMENT, std::string(read.message())}, nullptr);
  }
  rows = RequestedRows(request_);
  InferOptions options;
  const absl::Status status = ParseInferOptions(request_, &options);
  invalid_.assign(status.message().data(), status.message().size());
  wanted = {
      .model = request_.model_name(), .version = options.version, .label = options.label, .key = options.key};
  if (options.timeout.count() > 0) until = std::min<Time>(until, now + options.timeout);
  Enqueue(now, until);
}

absl::Status InferJob::ReadRequest(const Request& bytes) {
  const bool is_there = bytes.TrySingleSlice(&bytes_).ok() || bytes.DumpToSingleSlice(&bytes_).ok();
  if (!is_there) return absl::InvalidArgumentError("request: it has no bytes");
  return request_.Read({reinterpret_cast<const char*>(bytes_.begin()), bytes_.size()});
}

std::optional<Refusal> InferJob::Decode(const ServedModel& served, model::Impression* impression) {
  if (!invalid_.empty()) return Refusal::kInvalid;
  return decoder_.Decode(request_, served.model->snapshot(), impression);
}

void InferJob::Answer(const ServedModel& served, std::span<const float> probabilities) {
  arena_.Reset();
  auto* answer = arena_.Create<inference::ModelInferResponse>();
  EncodeInferResponse(request_, served.name, served.version, served.model->snapshot(), probabilities,
                      decoder_.heads(), answer);
  bool owned = false;
  End(grpc::SerializationTraits<inference::ModelInferResponse>::Serialize(*answer, response_, &owned),
      &served);
}

}  // namespace adscore::server
