// The network: embeddings and a multi-layer perceptron with ReLU, one logit per head, and its exact gradient
// by back-propagation. The matrix products are those of model/kernels.
//
// The loss of a row is the sum over heads of the binary cross-entropy, times the row's weight; the loss of a
// batch is the mean over its rows.
//
// Not thread-safe: one owner, which brings the workers. Results do not depend on their number, bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/aligned.h"
#include "model/kernels/kernel_set.h"
#include "trainer/encoded_rows.h"
#include "trainer/noise.h"
#include "trainer/parameters.h"
#include "trainer/row_gradients.h"
#include "trainer/workers.h"

namespace adscore::trainer {

struct Gradients {
  std::vector<DenseLayer> layers;    // of the parameters' shapes
  std::vector<RowGradients> tables;  // one per field
};

class Network {
 public:
  // `layout`, `kernels` and `workers` outlive the network.
  Network(const InputLayout& layout, std::span<const size_t> hidden, size_t heads,
          const model::KernelSet& kernels, Workers& workers);

  // Makes `parameters` the current ones: packs the layers; the tables are read where they are. Call it again
  // whenever the values have changed.
  void Use(const Parameters& parameters);

  // Logits of rows of `data` with the current parameters. logits: [rows][heads].
  void Logits(const EncodedRows& data, std::span<const uint32_t> rows, float* logits);

  // The loss of a batch, with that noise, and its gradient. gradients(): valid until the next call.
  double Backpropagate(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise);
  const Gradients& gradients() const { return gradients_; }

 private:
  struct LayerMemory {
    model::AlignedFloats packed;             // W for y = x · W
    model::AlignedFloats packed_transposed;  // Wᵀ for dx = dy · Wᵀ
    model::AlignedFloats packed_deltas;      // dy for dW = xᵀ · dy
    model::AlignedFloats outputs;            // [batch][outputs]: after ReLU; logits in the last layer
    model::AlignedFloats deltas;             // [batch][outputs]: the loss by the layer's sums before ReLU
  };

  void Reserve(size_t rows);
  // The steps of a batch, each for [first, last) of the batch's rows, or of the layer's columns, or of the
  // fields.
  void Gather(const EncodedRows& data, std::span<const uint32_t> rows, size_t first, size_t last);
  void DropInputs(const Noise& noise, size_t first, size_t last);
  void Forward(const Noise& noise, size_t first, size_t last);
  void OutputDeltas(const EncodedRows& data, std::span<const uint32_t> rows, size_t first, size_t last);
  void Backward(const Noise& noise, size_t first, size_t last);
  void LayerGradient(size_t layer, size_t rows, size_t first_column, size_t last_column);
  void TableGradient(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise,
                     size_t field);

  const float* LayerInput(size_t layer) const {
    return layer == 0 ? input_.data() : memory_[layer - 1].outputs.data();
  }

  const InputLayout& layout_;
  const model::KernelSet& kernels_;
  Workers& workers_;
  const Parameters* parameters_ = nullptr;
  Gradients gradients_;
  std::vector<LayerMemory> memory_;
  model::AlignedFloats input_;         // [batch][width]
  model::AlignedFloats input_deltas_;  // [batch][width]: the loss by the input
  std::vector<double> row_loss_;       // [batch]
};

}  // namespace adscore::trainer
