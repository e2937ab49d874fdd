// The steps of a network with batch normalisation: layer by layer, since each waits for all rows of the one
// before. And how it becomes one without.
#include <algorithm>
#include <numeric>

#include "trainer/network.h"

namespace adscore::trainer {

Parameters Network::Fold(const Parameters& parameters, const EncodedRows& data) {
  Parameters folded = parameters;
  const Noise none;
  std::vector<uint32_t> all(data.rows);
  std::iota(all.begin(), all.end(), 0U);
  ReserveForward(std::min(data.rows, kScoringBatch));
  // From the first layer on: what a layer gets depends on those before.
  for (size_t l = 0; l < norms_.size(); ++l) {
    UseForScoring(folded);
    norms_[l].Begin((data.rows + kRowsTogether - 1) / kRowsTogether);
    for (size_t begin = 0; begin < data.rows; begin += kScoringBatch) {
      const std::span<const uint32_t> batch =
          std::span<const uint32_t>(all).subspan(begin, std::min(kScoringBatch, data.rows - begin));
      Prepare(data, batch, none);
      ForEachBlock(batch.size(), [&](size_t first, size_t last) {
        for (size_t below = 0; below <= l; ++below) {
          ForwardLayer(below, /*relu=*/below < l, first, last);
          if (below < l) FindActiveOutputs(below, first, last);
        }
        norms_[l].AddBlock((begin + first) / kRowsTogether,
                           memory_[l].outputs.data() + first * gradients_.layers[l].outputs, last - first);
      });
    }
    norms_[l].Finish(data.rows);
    norms_[l].Fold(&folded.layers[l]);
  }
  return folded;
}

void Network::NormalisedSteps(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise) {
  const size_t top = norms_.size();  // the output layer
  for (BatchNorm& norm : norms_) norm.Begin((rows.size() + kRowsTogether - 1) / kRowsTogether);
  for (size_t l = 0; l <= top; ++l) {
    ForEachBlock(rows.size(), [&](size_t first, size_t last) {
      if (l > 0) {
        norms_[l - 1].Forward(first, last, parameters_->layers[l - 1].bias.data(),
                              memory_[l - 1].outputs.data());
        DropHidden(noise, l - 1, first, last);
        FindActiveOutputs(l - 1, first, last);
      }
      ForwardLayer(l, /*relu=*/false, first, last);
      if (l == top) return OutputDeltas(data, rows, first, last);
      norms_[l].AddBlock(first / kRowsTogether,
                         memory_[l].outputs.data() + first * gradients_.layers[l].outputs, last - first);
    });
    if (l < top) norms_[l].Finish(rows.size());
  }
  for (size_t l = top + 1; l-- > 0;) {
    ForEachBlock(rows.size(), [&](size_t first, size_t last) {
      if (l < top) norms_[l].Backward(first, last, memory_[l].deltas.data());
      if (l == 0) return PackDeltas(first, last);
      BackwardLayer(l, noise, first, last);
      norms_[l - 1].AddDeltas(first / kRowsTogether, first, last, memory_[l - 1].deltas.data());
    });
    if (l > 0) norms_[l - 1].FinishDeltas(rows.size());
  }
}

}  // namespace adscore::trainer
