#include "server/rpc/codec.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/packed_columns.h"

namespace adscore::server {
size_t RequestedRows(const v1::PredictRequest& request) {
  if (request.candidate_count() > 0) return request.candidate_count();
  int rows = 1;
  for (const auto& [name, value] : request.named().candidates().fields()) {
    rows = std::max(rows, value.list_value().values_size());
  }
  return static_cast<size_t>(rows);
}

std::optional<Refusal> RequestDecoder::Decode(const v1::PredictRequest& request, const model::Schema& schema,
                                              uint64_t fingerprint, model::Impression* impression) {
  switch (request.features_case()) {
    case v1::PredictRequest::kPacked:
      return DecodePacked(request, schema, fingerprint, impression);
    case v1::PredictRequest::kNamed:
      return DecodeNamed(request, schema, impression);
    case v1::PredictRequest::FEATURES_NOT_SET:
      break;
  }
  return Refuse(Refusal::kInvalid, "features: neither 'packed' nor 'named' is set; one of them is required");
}

std::optional<Refusal> RequestDecoder::DecodePacked(const v1::PredictRequest& request,
                                                    const model::Schema& schema, uint64_t fingerprint,
                                                    model::Impression* impression) {
  const v1::PackedFeatures& packed = request.packed();
  if (packed.schema_fingerprint() != fingerprint) {
    return Refuse(Refusal::kSchemaMismatch,
                  absl::StrFormat("packed.schema_fingerprint: %016x is of another schema than the model's, "
                                  "%016x (both in hexadecimal); call GetModel, pack again and retry",
                                  packed.schema_fingerprint(), fingerprint));
  }
  if (request.candidate_count() == 0) {
    return Refuse(Refusal::kInvalid,
                  "candidate_count: packed features need the number of candidates, at least 1");
  }
  impression->context = ViewOf(packed.context(), 1);
  impression->candidates = ViewOf(packed.candidates(), request.candidate_count());
  absl::Status status = model::CheckColumns(schema, model::FeatureRole::kContext, impression->context);
  status.Update(model::CheckColumns(schema, model::FeatureRole::kCandidate, impression->candidates));
  if (!status.ok()) return Refuse(Refusal::kInvalid, absl::StrCat("packed features: ", status.message()));
  return std::nullopt;
}

std::optional<Refusal> RequestDecoder::DecodeNamed(const v1::PredictRequest& request,
                                                   const model::Schema& schema,
                                                   model::Impression* impression) {
  absl::Status status = PackContext(schema, request.named().context(), &context_);
  if (!status.ok()) return Refuse(Refusal::kInvalid, absl::StrCat("named.context: ", status.message()));
  const bool counted = request.candidate_count() > 0 || request.named().candidates().fields_size() > 0;
  if (!counted) {
    return Refuse(
        Refusal::kInvalid,
        "candidate_count: the number of candidates is required where no candidate feature is given");
  }
  const size_t rows = RequestedRows(request);
  status = PackCandidates(schema, request.named().candidates(), rows, &candidates_);
  if (!status.ok()) return Refuse(Refusal::kInvalid, absl::StrCat("named.candidates: ", status.message()));
  impression->context = context_.View(1);
  impression->candidates = candidates_.View(rows);
  return std::nullopt;
}

Refusal RequestDecoder::Refuse(Refusal refusal, std::string message) {
  message_ = std::move(message);
  return refusal;
}

void EncodeResponse(int64_t version, std::span<const float> probabilities, size_t heads,
                    std::span<const std::string> head_names, v1::PredictResponse* response) {
  response->set_version(version);
  const size_t rows = probabilities.size() / heads;
  for (size_t h = 0; h < heads; ++h) {
    v1::HeadPredictions* head = response->add_heads();
    if (!head_names.empty()) head->set_head(head_names[h]);
    head->mutable_probability()->Resize(static_cast<int>(rows), 0);
    float* column = head->mutable_probability()->mutable_data();
    for (size_t r = 0; r < rows; ++r) column[r] = probabilities[r * heads + h];
  }
}

}  // namespace adscore::server
