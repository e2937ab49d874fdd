// The gradient of one embedding table for one batch: only the rows whose ids were in it.
//
// Not thread-safe: one worker per table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace adscore::trainer {

class RowGradients {
 public:
  RowGradients(size_t ids, size_t dim) : dim_(dim), slot_of_id_(ids, kNone) {}

  // Forgets the last batch, in time proportional to its rows.
  void Clear() {
    for (const uint32_t id : ids_) slot_of_id_[id] = kNone;
    ids_.clear();
    values_.clear();
  }

  void Add(uint32_t id, const float* gradient, float factor) {
    uint32_t& slot = slot_of_id_[id];
    if (slot == kNone) {
      slot = static_cast<uint32_t>(ids_.size());
      ids_.push_back(id);
      values_.resize(values_.size() + dim_);
    }
    float* sum = values_.data() + slot * dim_;
    for (size_t i = 0; i < dim_; ++i) sum[i] += factor * gradient[i];
  }

  // Ids in the order in which the batch first had them, and the sum of each one's gradients.
  std::span<const uint32_t> ids() const { return ids_; }
  const float* Row(size_t slot) const { return values_.data() + slot * dim_; }

 private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  size_t dim_;
  std::vector<uint32_t> slot_of_id_;
  std::vector<uint32_t> ids_;
  std::vector<float> values_;  // [ids][dim]
};

}  // namespace adscore::trainer
