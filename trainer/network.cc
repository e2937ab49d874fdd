#include "trainer/network.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

#include "trainer/row_sums.h"
#include "trainer/sparse_product.h"

namespace adscore::trainer {
namespace {

static_assert(kRowsTogether == kActiveBits);
// Inputs of a layer whose gradient is one piece of work: whole tiles of every kernel.
constexpr size_t kInputsTogether = 48;

double MeanWeight(const EncodedRows& data, std::span<const uint32_t> batch) {
  double sum = 0;
  for (const uint32_t row : batch) sum += data.weights.empty() ? 1 : data.weights[row];
  return sum / static_cast<double>(batch.size());
}

}  // namespace

Network::Network(const InputLayout& layout, std::span<const size_t> hidden, size_t heads,
                 const model::KernelSet& kernels, Workers& workers, LossWeights loss_weights, bool batch_norm,
                 const HalfKernels* halves)
    : layout_(layout),
      kernels_(kernels),
      workers_(workers),
      loss_weights_(std::move(loss_weights)),
      first_layer_(layout, hidden.empty() ? heads : hidden.front(), kernels, workers.count(), halves) {
  Parameters zeros = ZeroParameters(layout, hidden, heads);
  gradients_.layers = std::move(zeros.layers);
  gradients_.linear = std::move(zeros.linear);
  for (const InputField& field : layout.fields) gradients_.tables.emplace_back(field.RowFloats());
  memory_.resize(gradients_.layers.size());
  for (const size_t width : batch_norm ? hidden : std::span<const size_t>()) norms_.emplace_back(width);
  size_t widest = 0;
  for (size_t l = 0; l < memory_.size(); ++l) {
    const size_t inputs = l == 0 ? first_layer_.plain() : gradients_.layers[l].inputs;
    widest = std::max(widest, inputs);
    if (l == 0 || !WideLayer::Pays(inputs, gradients_.layers[l].outputs)) continue;
    any_wide_ = true;
    memory_[l].wide = std::make_unique<WideLayer>(inputs, gradients_.layers[l].outputs, halves);
    if (!memory_[l - 1].active) memory_[l - 1].active.emplace(inputs, workers_.count());
    if (l < hidden.size()) memory_[l].active.emplace(hidden[l], workers_.count());
  }
  row_index_.resize(widest);
  std::iota(row_index_.begin(), row_index_.end(), 0U);
  parts_ = ListParts(/*halved=*/false);
  halved_parts_ = ListParts(/*halved=*/true);
}

std::vector<Network::Part> Network::ListParts(bool halved) const {
  std::vector<Part> parts;
  std::vector<Part> wide;
  std::vector<Part> others;
  for (size_t half = 0; half < (halved ? 2U : 1U); ++half) {
    for (size_t l = 1; l < memory_.size(); ++l) {
      for (size_t i = 0; memory_[l].wide && i < workers_.count(); ++i) {
        const auto [first, last] = memory_[l - 1].active->Part(i);
        if (first < last) wide.push_back({Part::Of::kInputs, l, {half, first, last}});
      }
    }
  }
  for (size_t l = 0; l < memory_.size(); ++l) {
    const size_t inputs = l == 0 ? first_layer_.plain() : gradients_.layers[l].inputs;
    for (size_t first = 0; !memory_[l].wide && first < inputs; first += kInputsTogether) {
      others.push_back({Part::Of::kInputs, l, {0, first, std::min(first + kInputsTogether, inputs)}});
    }
  }
  for (size_t f = 0; f < layout_.fields.size(); ++f) others.push_back({Part::Of::kField, f});
  for (size_t l = 0; l < memory_.size(); ++l) others.push_back({Part::Of::kBias, l});
  if (layout_.linear > 0) others.push_back({Part::Of::kLinear});
  // Each worker's share: of a wide layer, the half of the rows that it takes forward and back.
  for (size_t worker = 0; worker < workers_.count(); ++worker) {
    for (const std::vector<Part>* const from : {&wide, &others}) {
      const auto [first, last] = workers_.Share(worker, from->size());
      parts.insert(parts.end(), from->data() + first, from->data() + last);
    }
  }
  return parts;
}

void Network::Use(const Parameters& parameters) { Pack(parameters, /*scoring=*/false); }
void Network::UseForScoring(const Parameters& parameters) { Pack(parameters, /*scoring=*/true); }

void Network::Pack(const Parameters& parameters, bool scoring) {
  parameters_ = &parameters;
  scoring_ = scoring;
  for (size_t l = 1; l < memory_.size(); ++l) {
    const DenseLayer& layer = parameters.layers[l];
    LayerMemory& memory = memory_[l];
    if (memory.wide) {
      memory.wide->Begin(scoring);
      continue;
    }
    memory.weights.Reserve(kernels_.packed_floats(layer.inputs, layer.outputs));
    if (!scoring) memory.transposed.Reserve(kernels_.packed_floats(layer.outputs, layer.inputs));
  }
  // A panel is a run of columns, so that the workers can pack a share of the panels each.
  const size_t panel = kernels_.panel_columns;
  workers_.Run([&](size_t worker) {
    if (worker == 0) first_layer_.Use(parameters, scoring);
    for (size_t l = 1; l < memory_.size(); ++l) {
      const DenseLayer& layer = parameters.layers[l];
      if (memory_[l].wide) {
        memory_[l].wide->Use(layer, workers_, worker);
        continue;
      }
      const size_t grain = std::lcm(panel, size_t{16});
      const auto [first, last] = workers_.Share(worker, layer.outputs, grain);
      const auto [first_input, last_input] = workers_.Share(worker, layer.inputs, grain);
      if (first < last) {
        kernels_.pack(layer.weights.data() + first, layer.outputs, 1, layer.inputs, last - first,
                      memory_[l].weights.data() + first * layer.inputs);
      }
      if (!scoring && first_input < last_input) {
        kernels_.pack(layer.weights.data() + first_input * layer.outputs, 1, layer.outputs, layer.outputs,
                      last_input - first_input, memory_[l].transposed.data() + first_input * layer.outputs);
      }
    }
  });
}

void Network::ReserveForward(size_t rows) {
  first_layer_.Reserve(rows);
  for (size_t l = 0; l < memory_.size(); ++l) {
    memory_[l].outputs.Reserve(rows * gradients_.layers[l].outputs);
    if (memory_[l].active) memory_[l].active->Reserve(rows);
  }
}

void Network::ReserveBackward(const EncodedRows& data, std::span<const uint32_t> batch) {
  const size_t rows = batch.size();
  row_loss_.resize(std::max(row_loss_.size(), rows));
  const size_t blocks = (rows + kRowsTogether - 1) / kRowsTogether;
  while (once_.size() < std::max(blocks, kRowsTogether)) {
    once_.push_back({static_cast<uint32_t>(once_.size()), 1});
  }
  for (size_t l = 0; l < memory_.size(); ++l) {
    const size_t outputs = gradients_.layers[l].outputs;
    memory_[l].deltas.Reserve(rows * outputs);
    if (l >= norms_.size()) memory_[l].bias_sums.Reserve(blocks * outputs);
    if (memory_[l].wide || Narrow(l)) continue;
    memory_[l].packed_deltas.Reserve(kernels_.packed_floats(blocks * kRowsTogether, outputs));
  }
  if (any_wide_ || first_layer_.in_halves()) {
    const float scale = HalfDeltaScale(rows, MeanWeight(data, batch));
    first_layer_.SetDeltaScale(scale);
    for (LayerMemory& memory : memory_) {
      if (memory.wide) memory.wide->BeginBatch(rows, scale);
    }
  }
  for (BatchNorm& norm : norms_) norm.Reserve(rows);
}

void Network::ForEachBlock(size_t rows, const std::function<void(size_t first, size_t last)>& task) {
  workers_.RunEach((rows + kRowsTogether - 1) / kRowsTogether, [&](size_t /*worker*/, size_t block) {
    task(block * kRowsTogether, std::min((block + 1) * kRowsTogether, rows));
  });
}

void Network::Prepare(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise) {
  ForEachBlock(rows.size(),
               [&](size_t first, size_t last) { first_layer_.Gather(data, rows, noise, first, last); });
  workers_.RunEach(layout_.fields.size(),
                   [&](size_t /*worker*/, size_t field) { first_layer_.Collect(data, rows, noise, field); });
  first_layer_.Place();
  ForEachBlock(rows.size(), [&](size_t first, size_t last) { first_layer_.ListUses(first, last); });
  workers_.RunEach(first_layer_.panels(), [&](size_t worker, size_t panel) {
    first_layer_.ForwardPanel(worker, panel, rows.size(), memory_.front().outputs.data());
  });
}

void Network::ForwardLayer(size_t l, bool relu, size_t first, size_t last) {
  const DenseLayer& layer = parameters_->layers[l];
  float* const outputs = memory_[l].outputs.data();
  if (l == 0) {
    first_layer_.Forward(first, last, relu, outputs);
  } else if (memory_[l].wide) {
    memory_[l].wide->Forward(first, last, memory_[l - 1].outputs.data(), *memory_[l - 1].active,
                             layer.bias.data(), relu, outputs);
  } else {
    kernels_.dense({.rows = last - first,
                    .depth = layer.inputs,
                    .columns = layer.outputs,
                    .x = memory_[l - 1].outputs.data() + first * layer.inputs,
                    .x_row_stride = layer.inputs,
                    .packed = memory_[l].weights.data(),
                    .init = layer.bias.data(),
                    .y = outputs + first * layer.outputs,
                    .y_stride = layer.outputs,
                    .relu = relu});
  }
  if (l + 1 == memory_.size() && layout_.linear > 0) first_layer_.AddLinear(first, last, outputs);
}

void Network::DropHidden(const Noise& noise, size_t l, size_t first, size_t last) {
  if (!noise.on_hidden()) return;
  const size_t units = gradients_.layers[l].outputs;
  float* const outputs = memory_[l].outputs.data();
  for (size_t r = first; r < last; ++r) {
    Noise::Mask mask = noise.OfHidden(r, l);
    for (size_t c = 0; c < units; ++c) outputs[r * units + c] *= mask.Next();
  }
}

void Network::FindActiveOutputs(size_t l, size_t first, size_t last) {
  if (memory_[l].active) memory_[l].active->Find(memory_[l].outputs.data(), first, last);
}

void Network::Forward(const Noise& noise, size_t first, size_t last) {
  for (size_t l = 0; l < memory_.size(); ++l) {
    const bool hidden = l + 1 < memory_.size();
    ForwardLayer(l, hidden, first, last);
    if (!hidden) break;
    DropHidden(noise, l, first, last);
    FindActiveOutputs(l, first, last);
  }
}

void Network::OutputDeltas(const EncodedRows& data, std::span<const uint32_t> rows, size_t first,
                           size_t last) {
  const size_t heads = data.heads;
  const float share = 1.0F / static_cast<float>(rows.size());
  for (size_t r = first; r < last; ++r) {
    const std::span<const float> logits(memory_.back().outputs.data() + r * heads, heads);
    const std::span<const uint8_t> labels(data.labels.data() + rows[r] * heads, heads);
    float* deltas = memory_.back().deltas.data() + r * heads;
    const float weight = data.weights.empty() ? 1.0F : data.weights[rows[r]];
    row_loss_[r] = LossOfRow(loss_weights_, logits, labels, deltas) * weight;
    for (size_t h = 0; h < heads; ++h) deltas[h] *= share * weight;
  }
}

// From the layer's deltas to those of the one below.
void Network::BackwardLayer(size_t l, const Noise& noise, size_t first, size_t last) {
  const DenseLayer& layer = parameters_->layers[l];
  float* const below = memory_[l - 1].deltas.data();
  if (memory_[l].wide) {
    // What put out 0 gets no delta. With batch normalisation it does: through the batch's mean.
    const bool known = memory_[l].active && norms_.empty();
    memory_[l].wide->Backward(first, last, memory_[l].deltas.data(), known ? &*memory_[l].active : nullptr,
                              below);
  } else {
    kernels_.dense({.rows = last - first,
                    .depth = layer.outputs,
                    .columns = layer.inputs,
                    .x = memory_[l].deltas.data() + first * layer.outputs,
                    .x_row_stride = layer.outputs,
                    .packed = memory_[l].transposed.data(),
                    .y = below + first * layer.inputs,
                    .y_stride = layer.inputs});
  }
  // A unit that was off, or dropped, put out 0 and passes nothing on.
  PassBack(memory_[l - 1].outputs.data() + first * layer.inputs, noise.hidden_scale(),
           (last - first) * layer.inputs, below + first * layer.inputs);
}

void Network::Backward(const Noise& noise, size_t first, size_t last) {
  for (size_t l = memory_.size(); l-- > 1;) BackwardLayer(l, noise, first, last);
}

// For the gradient of the layers, which sums over the rows, block by block.
void Network::PackDeltas(size_t first, size_t last) {
  const uint32_t all_rows[] = {0, static_cast<uint32_t>(last - first)};
  for (size_t l = 0; l < memory_.size(); ++l) {
    const size_t outputs = gradients_.layers[l].outputs;
    const float* const deltas = memory_[l].deltas.data() + first * outputs;
    if (l >= norms_.size()) {
      SumRows({all_rows, once_.data()}, nullptr, deltas, outputs, outputs,
              memory_[l].bias_sums.data() + first / kRowsTogether * outputs, outputs);
    }
    if (memory_[l].wide || Narrow(l)) continue;
    if (l == 0 && first_layer_.in_halves()) {
      first_layer_.RoundDeltas(first, last, memory_[l].deltas.data());
      continue;
    }
    kernels_.pack(deltas, outputs, 1, last - first, outputs,
                  memory_[l].packed_deltas.data() + kernels_.packed_floats(first, outputs));
  }
}

void Network::PartOfGradient(const Part& part, const Noise& noise, size_t rows) {
  switch (part.of) {
    case Part::Of::kInputs:
      return LayerGradient(part, rows);
    case Part::Of::kBias:
      return BiasGradient(part.index, rows);
    case Part::Of::kField:
      return first_layer_.FieldGradient(memory_.back().deltas.data(), noise, part.index,
                                        &gradients_.tables[part.index]);
    case Part::Of::kLinear:
      return first_layer_.LinearGradient(memory_.back().deltas.data(), rows, &gradients_.linear);
  }
}

void Network::LayerGradient(const Part& part, size_t rows) {
  DenseLayer& gradient = gradients_.layers[part.index];
  LayerMemory& memory = memory_[part.index];
  const auto [first_input, last_input] = std::pair(part.inputs.first, part.inputs.last);
  if (memory.wide) {
    const LayerMemory& below = memory_[part.index - 1];
    return memory.wide->Gradient(part.inputs, below.outputs.data(), *below.active, memory.deltas.data(),
                                 &gradient);
  }
  if (Narrow(part.index)) return NarrowGradient(part, rows);
  float* const y = gradient.weights.data() + first_input * gradient.outputs;
  for (size_t first = 0; first < rows; first += kRowsTogether) {
    const size_t last = std::min(first + kRowsTogether, rows);
    const float* packed = memory.packed_deltas.data() + kernels_.packed_floats(first, gradient.outputs);
    if (part.index == 0) {
      first_layer_.PlainGradient(packed, first, last, first_input, last_input);
      continue;
    }
    kernels_.dense({.rows = last_input - first_input,
                    .depth = last - first,
                    .columns = gradient.outputs,
                    .x = memory_[part.index - 1].outputs.data() + first * gradient.inputs + first_input,
                    .x_row_stride = 1,  // the transpose, by reading the other way round
                    .x_depth_stride = gradient.inputs,
                    .packed = packed,
                    .init = first > 0 ? y : nullptr,  // added to the blocks before
                    .init_stride = gradient.outputs,
                    .init_row = first > 0 ? row_index_.data() : nullptr,
                    .y = y,
                    .y_stride = gradient.outputs});
  }
  if (part.index == 0) first_layer_.StorePlainGradient(first_input, last_input, &gradient);
}

// As deltasᵀ · x, whose rows are as long as the layer has inputs.
void Network::NarrowGradient(const Part& part, size_t rows) {
  DenseLayer& gradient = gradients_.layers[part.index];
  const size_t inputs = part.inputs.last - part.inputs.first;
  float by_output[kNarrow * kInputsTogether];
  Multiply({.rows = gradient.outputs,
            .depth = rows,
            .columns = inputs,
            .x = memory_[part.index].deltas.data(),
            .x_row_stride = 1,
            .x_depth_stride = gradient.outputs,
            .w = memory_[part.index - 1].outputs.data() + part.inputs.first,
            .w_stride = gradient.inputs,
            .y = by_output,
            .y_stride = inputs});
  float* to = gradient.weights.data() + part.inputs.first * gradient.outputs;
  for (size_t i = 0; i < inputs; ++i) {
    for (size_t output = 0; output < gradient.outputs; ++output) *to++ = by_output[output * inputs + i];
  }
}

void Network::BiasGradient(size_t l, size_t rows) {
  DenseLayer& gradient = gradients_.layers[l];
  if (l < norms_.size()) {  // the deltas are those of what comes before the bias
    std::copy_n(norms_[l].bias_gradient().data(), gradient.outputs, gradient.bias.data());
    return;
  }
  const uint32_t all_blocks[] = {0, static_cast<uint32_t>((rows + kRowsTogether - 1) / kRowsTogether)};
  SumRows({all_blocks, once_.data()}, nullptr, memory_[l].bias_sums.data(), gradient.outputs,
          gradient.outputs, gradient.bias.data(), gradient.outputs);
}

void Network::Logits(const EncodedRows& data, std::span<const uint32_t> rows, float* logits) {
  assert(scoring_);
  const size_t heads = gradients_.layers.back().outputs;
  const Noise none;
  ReserveForward(std::min(rows.size(), kScoringBatch));
  for (size_t begin = 0; begin < rows.size(); begin += kScoringBatch) {
    const std::span<const uint32_t> batch = rows.subspan(begin, std::min(kScoringBatch, rows.size() - begin));
    Prepare(data, batch, none);
    ForEachBlock(batch.size(), [&](size_t first, size_t last) { Forward(none, first, last); });
    std::copy_n(memory_.back().outputs.data(), batch.size() * heads, logits + begin * heads);
  }
}

double Network::Backpropagate(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise) {
  const double loss = GradientOfBatch(data, rows, noise);
  const bool overflowed = std::any_of(memory_.begin(), memory_.end(), [](const LayerMemory& memory) {
    return memory.wide && memory.wide->overflowed();
  });
  if (!overflowed && !first_layer_.overflowed()) return loss;
  // Numbers that are this large are likely to come again.
  first_layer_.DoWithoutHalves();
  for (LayerMemory& memory : memory_) {
    if (memory.wide) memory.wide->DoWithoutHalves();
  }
  Use(*parameters_);
  return GradientOfBatch(data, rows, noise);
}

double Network::GradientOfBatch(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise) {
  assert(!scoring_);
  ReserveForward(rows.size());
  ReserveBackward(data, rows);
  Prepare(data, rows, noise);
  if (!norms_.empty()) {
    NormalisedSteps(data, rows, noise);
  } else {
    // By rows: all the way forward and back.
    ForEachBlock(rows.size(), [&](size_t first, size_t last) {
      Forward(noise, first, last);
      OutputDeltas(data, rows, first, last);
      Backward(noise, first, last);
      PackDeltas(first, last);
    });
  }
  for (size_t l = 1; l < memory_.size(); ++l) {
    if (memory_[l].wide) memory_[l - 1].active->Sort(rows.size());
  }
  first_layer_.ReserveSums();
  workers_.RunEach(first_layer_.pieces(), [&](size_t worker, size_t piece) {
    first_layer_.BackwardPiece(worker, piece, memory_.front().deltas.data(), &gradients_.layers.front());
  });
  // Then by what the gradient belongs to: each part is summed over the rows in their order.
  const bool halved = WideLayer::SecondHalf(rows.size()) < rows.size();
  const std::vector<Part>& parts = halved ? halved_parts_ : parts_;
  workers_.RunEach(parts.size(),
                   [&](size_t /*worker*/, size_t part) { PartOfGradient(parts[part], noise, rows.size()); });
  if (halved && any_wide_) {
    workers_.Run([&](size_t worker) {
      for (size_t l = 1; l < memory_.size(); ++l) {
        if (memory_[l].wide) memory_[l].wide->AddSecondHalf(workers_, worker, &gradients_.layers[l]);
      }
    });
  }
  double loss = 0;
  for (size_t r = 0; r < rows.size(); ++r) loss += row_loss_[r];
  return loss / static_cast<double>(rows.size());
}

}  // namespace adscore::trainer
