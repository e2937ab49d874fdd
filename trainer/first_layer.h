// The first layer of the network over embeddings, forward and back. A batch has each id many times, and the
// product of an embedding with the layer's weights is the same each time: so it is computed once per id, and
// a row adds up those of its ids. Backwards likewise: the deltas of all rows that have an id are summed
// first, and then multiplied once. The inputs that are no embeddings (numbers, statistics of tokens) are
// multiplied row by row.
//
// With HalfKernels, training adds up and multiplies numbers in half precision, as in wide_layer.h.
//
// Not thread-safe, but for what says so below.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/aligned.h"
#include "model/kernels/kernel_set.h"
#include "trainer/batch_ids.h"
#include "trainer/encoded_rows.h"
#include "trainer/half_product.h"
#include "trainer/noise.h"
#include "trainer/parameters.h"
#include "trainer/row_gradients.h"
#include "trainer/row_sums.h"

namespace adscore::trainer {

// Rows of a block. Also the depth to which a layer's gradient is summed before the next part is added, so
// that the inputs that a tile reads across the rows are still in the first-level cache.
inline constexpr size_t kRowsTogether = 64;

class FirstLayer {
 public:
  // A layer with so many outputs. `layout` and `kernels` outlive it. `halves`: null to do without. They are
  // only used for layers that are wide enough for it to pay.
  FirstLayer(const InputLayout& layout, size_t outputs, const model::KernelSet& kernels, size_t workers,
             const HalfKernels* halves);

  // Makes these weights the current ones, for training or to score rows in f32; they are read where they are,
  // but for the plain inputs' rows.
  void Use(const Parameters& parameters, bool scoring);
  // Room for batches of so many rows.
  void Reserve(size_t rows);
  // Whether what is computed next is in half precision. Then, before a batch's gradient is, the scale is to
  // be set that its deltas are multiplied by, and RoundDeltas called for all rows.
  bool in_halves() const { return halves_ != nullptr && !scoring_; }
  void SetDeltaScale(float scale) { delta_scale_ = scale; }

  size_t plain() const { return plain_.size(); }  // inputs that are no embeddings

  // The steps of a batch of `rows` of `data`, in this order. Different fields, different blocks of rows,
  // different panels and different plain inputs may be worked on at the same time.
  //
  // Brings what the rows [first, last) have together, from wherever in the data set they are.
  void Gather(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise, size_t first,
              size_t last);
  // Finds the batch's ids of `field`, and their embeddings.
  void Collect(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise, size_t field);
  // Gives the ids of all fields, one after another, their places. Not at the same time as anything else.
  void Place();
  // Lists what the rows [first, last), a block, have of them.
  void ListUses(size_t first, size_t last);
  // Multiplies all embeddings with the weights of some outputs, of which there are panels(), and adds up each
  // row's; different ones at the same time. outputs: [rows][outputs].
  size_t panels() const { return forward_panels_.size(); }
  void ForwardPanel(size_t worker, size_t panel, size_t rows, float* outputs);
  // Adds what the plain inputs come to, through ReLU if it says so, to the rows [first, last).
  void Forward(size_t first, size_t last, bool relu, float* outputs);
  // Adds the linear part to the logits of the rows [first, last), if there is one. logits: [rows][heads].
  void AddLinear(size_t first, size_t last, float* logits) const;
  // deltas: [rows][outputs], the loss by the layer's sums. Those of the rows [first, last), to half
  // precision.
  void RoundDeltas(size_t first, size_t last, const float* deltas);
  // Room for the batch's gradient. Not at the same time as anything else.
  void ReserveSums();
  // deltas: as above. For the ids of a field and some of the outputs, a piece of the work, of which there are
  // pieces(): adds up the deltas of the rows that have an id, writes `gradient`'s rows of embeddings, and
  // keeps what FieldGradient needs. Different pieces at the same time.
  size_t pieces() const { return backward_panels_.size() * fields_.size(); }
  void BackwardPiece(size_t worker, size_t piece, const float* deltas, DenseLayer* gradient);
  // Then, with all pieces done: writes the gradients of the rows of the field's table. output_deltas:
  // [rows][heads], the loss by the logits.
  void FieldGradient(const float* output_deltas, const Noise& noise, size_t field, RowGradients* table);
  // Writes the gradient of Parameters::linear.
  void LinearGradient(const float* output_deltas, size_t rows, DenseLayer* gradient) const;
  // Adds a block of rows [first, last) to `gradient`'s rows for the plain inputs [first_input, last_input),
  // or begins with it if `first` is 0. packed_deltas: the block's, as KernelSet::pack left them; not read in
  // half precision.
  void PlainGradient(const float* packed_deltas, size_t first, size_t last, size_t first_input,
                     size_t last_input);
  // After all blocks.
  void StorePlainGradient(size_t first_input, size_t last_input, DenseLayer* gradient) const;

  // Whether some number since the start was beyond half precision; and what is to be done then, before the
  // weights are used and the batch is computed anew.
  bool overflowed() const { return overflowed_.load(std::memory_order_relaxed); }
  void DoWithoutHalves();

 private:
  struct Field {
    BatchIds batch;
    size_t first_place = 0;
    std::vector<uint32_t> row_ids{};  // [batch]: of a field with one id per row
    // Of the ids of the batch:
    model::AlignedFloats embeddings{};  // [ids][dim], under the noise
    model::AlignedFloats pairs{};       // HalfPair: the embeddings
    model::AlignedFloats linear{};      // [ids][heads]
    model::AlignedFloats gradients{};   // [panels][ids][dim]: the embeddings', by the panel's outputs
  };
  // What a block's rows have: places of ids.
  struct Block {
    std::vector<uint32_t> begin;  // [rows + 1], and one more
    std::vector<WeightedRow> uses;

    RowLists lists() const { return {std::span(begin).first(begin.size() - 1), uses.data()}; }
  };
  // Of a worker.
  struct Scratch {
    model::AlignedFloats weights;    // [dim][some outputs]
    model::AlignedFloats projected;  // [ids of all fields][some outputs]
    model::AlignedFloats sums;       // [ids of a field][some outputs]: of the deltas of the rows that have it
    model::AlignedFloats packed;     // weights of a field and some outputs
    // In half precision:
    model::AlignedFloats half_weights;    // Half: [dim][some outputs]
    model::AlignedFloats half_projected;  // Half: [ids of all fields][some outputs]
    model::AlignedFloats half_sums;       // Half: [ids of a field][some outputs]: as `sums`
  };

  // Outputs that are worked on together.
  struct Panel {
    size_t begin;
    size_t columns;
  };

  // What Gather does with a field, in lists by kind, so that there is nothing to ask about it row by row.
  struct Gathered {
    size_t field;
    size_t column;  // of the row's numbers, ids or statistics
    size_t count;   // statistics
    size_t input;   // the first of its plain inputs
  };

  // All outputs, in about even panels of up to `together`; a multiple of so many if there are enough outputs.
  std::vector<Panel> Panels(size_t together, size_t multiple) const;
  void ListPanels();
  void FindIds(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise, size_t field);
  void ForwardPanel(Scratch* scratch, const Panel& panel, size_t rows, float* outputs);
  // The same in half precision as the functions of these names without it (first_layer_halves.cc).
  void ForwardPanelInHalves(Scratch* scratch, const Panel& panel, size_t rows, float* outputs);
  void ForwardInHalves(size_t first, size_t last, bool relu, float* outputs);
  void PlainGradientInHalves(size_t first, size_t last, size_t first_input, size_t last_input);
  void BackwardPieceInHalves(Scratch* scratch, const Panel& panel, const InputField& place, Field* field,
                             float* embedding_gradients, DenseLayer* gradient);
  // Notes what a kernel says of its sums.
  void Check(bool within_halves);

  const InputLayout& layout_;
  const size_t outputs_;
  const model::KernelSet& kernels_;
  const HalfKernels* halves_;  // null: without
  bool scoring_ = false;
  float delta_scale_ = 1;
  std::atomic<bool> overflowed_{false};
  const std::vector<uint32_t> plain_;  // their places in the input vector
  // All outputs, on the way forward and back.
  std::vector<Panel> forward_panels_;
  std::vector<Panel> backward_panels_;
  const Parameters* parameters_ = nullptr;
  std::vector<Field> fields_;
  std::vector<Block> blocks_;
  std::vector<Scratch> scratch_;  // [workers]
  size_t places_ = 0;
  std::vector<Gathered> numbers_;
  std::vector<Gathered> ids_;
  std::vector<Gathered> statistics_;
  model::AlignedFloats plain_weights_;  // [plain][outputs]
  model::AlignedFloats packed_plain_;
  model::AlignedFloats plain_inputs_;    // [batch][plain]
  model::AlignedFloats plain_gradient_;  // [plain][outputs]
  // In half precision:
  model::AlignedFloats half_plain_weights_;  // Half: [plain][HalfStride(outputs)]
  model::AlignedFloats plain_pairs_;         // HalfPair: [batch][plain]
  model::AlignedFloats half_deltas_;         // Half: [batch][HalfStride(outputs)]
  std::vector<uint32_t> row_index_;          // 0, 1, 2 …
};

}  // namespace adscore::trainer
