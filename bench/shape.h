// A network's shape and random weights and inputs for it, the same for every contestant.
//
// Thread-safe: constant once made.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "model/aligned.h"
#include "model/snapshot.h"

namespace adscore::bench {

// Rows of the largest batch that is measured.
inline constexpr size_t kMaxBatch = 512;

class Network {
 public:
  // "429-400-400-400-1": inputs, hidden layers, heads.
  explicit Network(const std::string& shape);

  const std::string& shape() const { return shape_; }
  const std::vector<model::Layer>& layers() const { return layers_; }
  size_t inputs() const { return layers_.front().inputs; }
  size_t heads() const { return layers_.back().outputs; }
  // Multiplications and additions per row.
  double flops() const;

  // [kMaxBatch][inputs], uniform in [-1, 1).
  const float* input() const { return input_.data(); }

 private:
  std::string shape_;
  std::deque<std::vector<float>> weights_;  // what the layers' spans point to
  std::vector<model::Layer> layers_;
  model::AlignedFloats input_;
};

// The networks of bench/shapes/*.txt, by size.
std::vector<std::string> ReadShapes(const std::string& directory);

}  // namespace adscore::bench
