// The rows of one head in the order of their probabilities, sorted once, so that its figures can be computed
// many times with the rows counted differently often: what a bootstrap does.
//
// Thread-safe: constant after construction.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/metrics.h"

namespace adscore::trainer {

class RankedRows {
 public:
  // `probabilities` and `labels` (1 = positive) have one entry per row; copied.
  RankedRows(std::span<const float> probabilities, std::span<const uint8_t> labels);

  size_t rows() const { return ascending_.size(); }

  // The figures if row i were there weights[i] times. The groups of ece stay those of the rows as they are.
  HeadFigures Figures(std::span<const uint8_t> weights) const;

 private:
  std::vector<uint32_t> ascending_;    // row ids by probability; ties in their order
  std::vector<float> probabilities_;   // of ascending_
  std::vector<float> losses_;          // likewise: -log p(what happened)
  std::vector<uint8_t> labels_;        // likewise
  std::vector<uint8_t> first_of_tie_;  // likewise: 1 if the row before has a lower probability
};

}  // namespace adscore::trainer
