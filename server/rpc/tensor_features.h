// The tensors of a request as an impression: which tensor is which feature, whether it suits it, and how many
// candidates there are. The one decoder behind the Open Inference Protocol and TensorFlow Serving's Predict.
//
// Not thread-safe: one per call.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "model/raw_columns.h"
#include "model/schema.h"
#include "server/rpc/tensor_view.h"

namespace adscore::server {

// A model whose features are all numbers may be sent all of them in one tensor, in schema order: [candidates,
// features]. Under this name, where the protocol has one for it.
inline constexpr std::string_view kAllFeatures = "features";

// Whether that is so for `schema`.
bool IsDense(const model::Schema& schema);

class TensorDecoder {
 public:
  // Packs `tensors`, which must have been checked (CheckBytes or what is equal to it), and makes
  // `*impression` a view of them, valid until the next call. `rows`: candidates. `any_name`: the tensor of
  // all features may have any name. InvalidArgument, naming the tensor and what was expected, if they don't
  // suit the schema.
  absl::Status Decode(std::span<const TensorView> tensors, const model::Schema& schema, size_t rows,
                      bool any_name, model::Impression* impression);

  // Gives memory back that only an unusually large request needs.
  void Trim();

 private:
  absl::Status Match(std::span<const TensorView> tensors, const model::Schema& schema);
  absl::Status AppendCandidates(const model::Feature& feature, const TensorView* tensor, size_t column,
                                size_t rows);
  absl::Status AppendContext(const model::Feature& feature, const TensorView* tensor, size_t column,
                             size_t rows);

  std::vector<const TensorView*> given_;  // by feature; null: left out
  model::RawStorage context_;
  model::RawStorage candidates_;
  model::RawStorage repeated_;  // a context feature that came once per candidate
};

}  // namespace adscore::server
