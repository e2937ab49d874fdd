// The gradient of one embedding table for one batch: only the rows whose ids were in it.
//
// Not thread-safe: one worker per table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace adscore::trainer {

class RowGradients {
 public:
  explicit RowGradients(size_t dim) : dim_(dim) {}

  // Forgets the last batch and makes room for these ids' gradients, which the caller writes: [ids][dim].
  float* Reset(std::span<const uint32_t> ids) {
    ids_.assign(ids.begin(), ids.end());
    values_.resize(ids.size() * dim_);
    return values_.data();
  }

  // Each id once, and the sum of its gradients.
  std::span<const uint32_t> ids() const { return ids_; }
  const float* Row(size_t place) const { return values_.data() + place * dim_; }

 private:
  size_t dim_;
  std::vector<uint32_t> ids_;
  std::vector<float> values_;  // [ids][dim]
};

}  // namespace adscore::trainer
