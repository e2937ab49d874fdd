// Between the wire and the model: a PredictRequest as an impression, probabilities as a PredictResponse.
// Packed features are read where they lie in the message; named ones are packed first (named_features.h).
//
// Not thread-safe: one decoder per call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "adscore/v1/prediction_service.pb.h"
#include "model/raw_columns.h"
#include "model/schema.h"
#include "server/refusal.h"
#include "server/rpc/named_features.h"

namespace adscore::server {

// The candidates that a request asks to be scored, as far as can be told before its model is known:
// candidate_count, or what follows from its named lists; at least 1.
size_t RequestedRows(const v1::PredictRequest& request);

class RequestDecoder {
 public:
  // Checks `request` against the schema and makes `*impression` a view of it, valid as long as the request
  // and until the next call. kInvalid or kSchemaMismatch if it doesn't fit; message() then says which
  // feature, which candidate and what was expected. `fingerprint` is the schema's.
  std::optional<Refusal> Decode(const v1::PredictRequest& request, const model::Schema& schema,
                                uint64_t fingerprint, model::Impression* impression);

  const std::string& message() const { return message_; }

 private:
  std::optional<Refusal> DecodePacked(const v1::PredictRequest& request, const model::Schema& schema,
                                      uint64_t fingerprint, model::Impression* impression);
  std::optional<Refusal> DecodeNamed(const v1::PredictRequest& request, const model::Schema& schema,
                                     model::Impression* impression);
  Refusal Refuse(Refusal refusal, std::string message);

  std::string message_;
  // Named features only.
  model::RawStorage context_;
  model::RawStorage candidates_;
};

// probabilities: [rows][heads]; the answer has one column per head. `head_names`: [heads] for callers who
// named their features, empty for those who packed them.
void EncodeResponse(int64_t version, std::span<const float> probabilities, size_t heads,
                    std::span<const std::string> head_names, v1::PredictResponse* response);

}  // namespace adscore::server
