// The network: embeddings and a multi-layer perceptron with ReLU, one logit per head, and its gradient by
// back-propagation. The matrix products are those of model/kernels, of sparse_product.h and, if it is given
// any, of half_product.h: then the gradient is exact but for rounding to half precision.
//
// The loss of a row is the sum over heads of the binary cross-entropy (loss.h), times the row's weight; the
// loss of a batch is the mean over its rows.
//
// Not thread-safe: one owner, which brings the workers. Finite results do not depend on their number,
// bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "model/aligned.h"
#include "model/kernels/kernel_set.h"
#include "trainer/active_units.h"
#include "trainer/batch_norm.h"
#include "trainer/encoded_rows.h"
#include "trainer/first_layer.h"
#include "trainer/loss.h"
#include "trainer/noise.h"
#include "trainer/parameters.h"
#include "trainer/row_gradients.h"
#include "trainer/wide_layer.h"
#include "trainer/workers.h"

namespace adscore::trainer {

struct Gradients {
  std::vector<DenseLayer> layers;  // of the parameters' shapes
  DenseLayer linear{};
  std::vector<RowGradients> tables;  // one per field
};

class Network {
 public:
  // `layout`, `kernels` and `workers` outlive the network. `batch_norm`: Backpropagate normalises the hidden
  // layers' sums over the batch. `halves`: what it computes the wide layers' products with, exact ones if
  // null.
  Network(const InputLayout& layout, std::span<const size_t> hidden, size_t heads,
          const model::KernelSet& kernels, Workers& workers, LossWeights loss_weights = {},
          bool batch_norm = false, const HalfKernels* halves = nullptr);

  // Makes `parameters` the current ones: packs the layers; the tables are read where they are. Call it again
  // whenever the values have changed.
  void Use(const Parameters& parameters);
  // The same for Logits, which is quicker.
  void UseForScoring(const Parameters& parameters);

  // `parameters` of a network with batch normalisation as those of one without that says the same of rows
  // like `data`, all of whose rows the means and variances are taken from. Then use what is next computed
  // with.
  Parameters Fold(const Parameters& parameters, const EncodedRows& data);

  // Logits of rows of `data` with the parameters that UseForScoring made current, without normalisation.
  // logits: [rows][heads].
  void Logits(const EncodedRows& data, std::span<const uint32_t> rows, float* logits);

  // The loss of a batch, with that noise, and its gradient. gradients(): valid until the next call.
  double Backpropagate(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise);
  const Gradients& gradients() const { return gradients_; }

 private:
  struct LayerMemory {
    std::unique_ptr<WideLayer> wide;
    // Of the other layers after the first one, packed for the kernels:
    model::AlignedFloats weights;     // W for y = x · W
    model::AlignedFloats transposed;  // Wᵀ for dx = dy · Wᵀ
    // Of all that are not wide, nor narrow:
    model::AlignedFloats packed_deltas;  // dy for dW = xᵀ · dy, block after block of the batch's rows
    // Of all:
    model::AlignedFloats outputs;       // [batch][outputs]: after ReLU; logits in the last layer
    model::AlignedFloats deltas;        // [batch][outputs]: the loss by the layer's sums before ReLU
    model::AlignedFloats bias_sums;     // [blocks][outputs]: of a block's deltas; unless BatchNorm has them
    std::optional<ActiveUnits> active;  // of hidden layers that are wide, or before one that is
  };
  // A part of the gradient that one worker computes alone: some inputs of a layer (of the first one, of those
  // that are no embeddings; of a wide one, of one half of the rows), or its bias, or the rows of a field's
  // table, or the linear part's other weights.
  struct Part {
    enum class Of : uint8_t { kInputs, kBias, kField, kLinear } of = Of::kInputs;
    size_t index = 0;  // the layer, or the field
    WideLayer::Part inputs{};
  };

  static constexpr size_t kScoringBatch = 2048;  // rows that are scored together
  static constexpr size_t kNarrow = 4;           // outputs

  // What parts_ is made of for batches whose rows are halved in wide layers, or are not.
  std::vector<Part> ListParts(bool halved) const;
  void Pack(const Parameters& parameters, bool scoring);
  void ReserveForward(size_t rows);
  void ReserveBackward(const EncodedRows& data, std::span<const uint32_t> rows);
  // Brings together what the batch has, and takes embeddings through the first layer.
  void Prepare(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise);
  // Calls task(first, last) for all blocks of rows, on all workers.
  void ForEachBlock(size_t rows, const std::function<void(size_t first, size_t last)>& task);
  // One layer's sums, through ReLU if it says so.
  void ForwardLayer(size_t layer, bool relu, size_t first, size_t last);
  void DropHidden(const Noise& noise, size_t layer, size_t first, size_t last);
  // What there is to know of a hidden layer's outputs in a block of rows before they are multiplied.
  void FindActiveOutputs(size_t layer, size_t first, size_t last);
  // The loss of a batch and its gradient, whether or not numbers were beyond half precision.
  double GradientOfBatch(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise);
  // The steps of a batch, for its rows [first, last).
  void Forward(const Noise& noise, size_t first, size_t last);
  void OutputDeltas(const EncodedRows& data, std::span<const uint32_t> rows, size_t first, size_t last);
  void BackwardLayer(size_t layer, const Noise& noise, size_t first, size_t last);
  void Backward(const Noise& noise, size_t first, size_t last);
  // All of them, with batch normalisation: layer by layer, since each waits for all rows of the one before.
  void NormalisedSteps(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise);
  void PackDeltas(size_t first, size_t last);
  // Whether a layer has so few outputs that its gradient is added up output by output.
  bool Narrow(size_t layer) const { return layer > 0 && gradients_.layers[layer].outputs <= kNarrow; }
  // For all rows of the batch.
  void PartOfGradient(const Part& part, const Noise& noise, size_t rows);
  void LayerGradient(const Part& part, size_t rows);
  void NarrowGradient(const Part& part, size_t rows);
  void BiasGradient(size_t layer, size_t rows);

  const InputLayout& layout_;
  const model::KernelSet& kernels_;
  Workers& workers_;
  const LossWeights loss_weights_;
  const Parameters* parameters_ = nullptr;
  Gradients gradients_;
  FirstLayer first_layer_;
  std::vector<LayerMemory> memory_;
  std::vector<BatchNorm> norms_;     // of the hidden layers; empty: without
  std::vector<Part> parts_;          // of batches that are not halved
  std::vector<Part> halved_parts_;   // of those that are
  bool any_wide_ = false;            // among the layers
  bool scoring_ = false;             // what the parameters are used for
  std::vector<double> row_loss_;     // [batch]
  std::vector<WeightedRow> once_;    // each row of a block, or each block of a batch
  std::vector<uint32_t> row_index_;  // 0, 1, 2 … for the inputs of any layer
};

}  // namespace adscore::trainer
