// The first layer of the network over embeddings, forward and back. A batch has each id many times, and the
// product of an embedding with the layer's weights is the same each time: so it is computed once per id, and
// a row adds up those of its ids. Backwards likewise: the deltas of all rows that have an id are summed
// first, and then multiplied once. The inputs that are no embeddings (numbers, statistics of tokens) are
// multiplied row by row.
//
// Not thread-safe, but for what says so below.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/aligned.h"
#include "model/kernels/kernel_set.h"
#include "trainer/batch_ids.h"
#include "trainer/encoded_rows.h"
#include "trainer/noise.h"
#include "trainer/parameters.h"
#include "trainer/row_gradients.h"
#include "trainer/row_sums.h"

namespace adscore::trainer {

class FirstLayer {
 public:
  // A layer with so many outputs. `layout` and `kernels` outlive it.
  FirstLayer(const InputLayout& layout, size_t outputs, const model::KernelSet& kernels);

  // Makes these weights the current ones; they are read where they are, but for the plain inputs' rows.
  void Use(const Parameters& parameters);
  // Room for batches of so many rows.
  void Reserve(size_t rows);

  size_t plain() const { return plain_.size(); }  // inputs that are no embeddings

  // The steps of a batch of `rows` of `data`, in this order. Different fields, different rows and different
  // plain inputs may be worked on at the same time.
  //
  // Brings what the rows [first, last) have together, from wherever in the data set they are.
  void Gather(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise, size_t first,
              size_t last);
  // Finds the batch's ids of `field`, and multiplies their embeddings.
  void Project(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise, size_t field);
  // outputs: [rows][outputs]; rows [first, last) are written, through ReLU if it says so.
  void Forward(size_t first, size_t last, bool relu, float* outputs);
  // Adds the linear part to the logits of the rows [first, last), if there is one. logits: [rows][heads].
  void AddLinear(size_t first, size_t last, float* logits) const;
  // deltas: [rows][outputs], the loss by the layer's sums; output_deltas: [rows][heads], by the logits.
  // Writes the rows of `gradient` that belong to the field's embedding, and the gradients of the rows of its
  // table.
  void FieldGradient(const float* deltas, const float* output_deltas, const Noise& noise, size_t field,
                     DenseLayer* gradient, RowGradients* table);
  // Writes the gradient of Parameters::linear.
  void LinearGradient(const float* output_deltas, size_t rows, DenseLayer* gradient) const;
  // Adds a block of rows [first, last) to `gradient`'s rows for the plain inputs [first_input, last_input),
  // or begins with it if `first` is 0. packed_deltas: the block's, as KernelSet::pack left them.
  void PlainGradient(const float* packed_deltas, size_t first, size_t last, size_t first_input,
                     size_t last_input);
  // After all blocks.
  void StorePlainGradient(size_t first_input, size_t last_input, DenseLayer* gradient) const;

 private:
  struct Field {
    BatchIds batch;
    std::vector<uint32_t> row_ids{};    // [batch]: of a field with one id per row
    model::AlignedFloats embeddings{};  // [ids of the batch][dim], under the noise
    model::AlignedFloats linear{};      // [ids of the batch][heads]
    model::AlignedFloats projected{};   // [ids of the batch][outputs]
    model::AlignedFloats deltas{};      // [ids of the batch][outputs]: sums over the rows that have the id
    model::AlignedFloats packed{};      // of what is multiplied with
    std::vector<WeightedRow> addends{};
  };

  // What Gather does with a field, in lists by kind, so that there is nothing to ask about it row by row.
  struct Place {
    size_t field;
    size_t column;  // of the row's numbers, ids or statistics
    size_t count;   // statistics
    size_t input;   // the first of its plain inputs
  };

  void Collect(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise, size_t field);

  const InputLayout& layout_;
  const size_t outputs_;
  const model::KernelSet& kernels_;
  const std::vector<uint32_t> plain_;  // their places in the input vector
  const Parameters* parameters_ = nullptr;
  std::vector<Field> fields_;
  std::vector<Place> numbers_;
  std::vector<Place> ids_;
  std::vector<Place> statistics_;
  model::AlignedFloats plain_weights_;  // [plain][outputs]
  model::AlignedFloats packed_plain_;
  model::AlignedFloats plain_inputs_;    // [batch][plain]
  model::AlignedFloats plain_gradient_;  // [plain][outputs]
  std::vector<uint32_t> row_index_;      // 0, 1, 2 …
};

}  // namespace adscore::trainer
