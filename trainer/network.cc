#include "trainer/network.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace adscore::trainer {
namespace {

constexpr size_t kScoringBatch = 512;

}  // namespace

Network::Network(const InputLayout& layout, std::span<const size_t> hidden, size_t heads,
                 const model::KernelSet& kernels, Workers& workers)
    : layout_(layout), kernels_(kernels), workers_(workers) {
  gradients_.layers = ZeroParameters(layout, hidden, heads).layers;
  for (const InputField& field : layout.fields) gradients_.tables.emplace_back(field.ids, field.dim);
  memory_.resize(gradients_.layers.size());
}

void Network::Use(const Parameters& parameters) {
  parameters_ = &parameters;
  for (size_t l = 0; l < memory_.size(); ++l) {
    const DenseLayer& layer = parameters.layers[l];
    LayerMemory& memory = memory_[l];
    memory.packed.Reserve(kernels_.packed_floats(layer.inputs, layer.outputs));
    memory.packed_transposed.Reserve(kernels_.packed_floats(layer.outputs, layer.inputs));
  }
  // A panel is a run of columns, so that the workers can pack a share of the panels each.
  const size_t panel = kernels_.panel_columns;
  workers_.Run([&](size_t worker) {
    for (size_t l = 0; l < memory_.size(); ++l) {
      const DenseLayer& layer = parameters.layers[l];
      const size_t grain = std::lcm(panel, size_t{16});
      const auto [first, last] = workers_.Share(worker, layer.outputs, grain);
      if (first < last) {
        kernels_.pack(layer.weights.data() + first, layer.outputs, 1, layer.inputs, last - first,
                      memory_[l].packed.data() + first * layer.inputs);
      }
      const auto [first_input, last_input] = workers_.Share(worker, layer.inputs, grain);
      if (first_input < last_input) {
        kernels_.pack(layer.weights.data() + first_input * layer.outputs, 1, layer.outputs, layer.outputs,
                      last_input - first_input,
                      memory_[l].packed_transposed.data() + first_input * layer.outputs);
      }
    }
  });
}

void Network::Reserve(size_t rows) {
  input_.Reserve(rows * layout_.width);
  input_deltas_.Reserve(rows * layout_.width);
  row_loss_.resize(std::max(row_loss_.size(), rows));
  for (size_t l = 0; l < memory_.size(); ++l) {
    const size_t outputs = gradients_.layers[l].outputs;
    memory_[l].outputs.Reserve(rows * outputs);
    memory_[l].deltas.Reserve(rows * outputs);
    memory_[l].packed_deltas.Reserve(kernels_.packed_floats(rows, outputs));
  }
}

void Network::Gather(const EncodedRows& data, std::span<const uint32_t> rows, size_t first, size_t last) {
  for (size_t r = first; r < last; ++r) {
    const size_t row = rows[r];
    float* input = input_.data() + r * layout_.width;
    for (size_t f = 0; f < layout_.fields.size(); ++f) {
      const InputField& field = layout_.fields[f];
      const float* table = parameters_->tables[f].data();
      float* embedding = input + field.embedding_offset;
      std::copy_n(data.statistics.data() + row * layout_.statistics + field.statistics_column,
                  field.statistics, embedding + field.dim);
      switch (field.kind) {
        case model::FeatureKind::kNumeric: {
          const model::EncodedNumber& number = data.numbers[row * layout_.numeric + field.column];
          input[field.offset] = number.value;
          input[field.offset + 1] = number.missing;
          std::copy_n(table + number.bin * field.dim, field.dim, embedding);
          break;
        }
        case model::FeatureKind::kCategorical: {
          const uint32_t id = data.ids[row * layout_.categorical + field.column];
          std::copy_n(table + id * field.dim, field.dim, embedding);
          break;
        }
        case model::FeatureKind::kMultiCategorical: {
          const uint64_t* list = data.multi_begin.data() + row * layout_.multi + field.column;
          std::fill_n(embedding, field.dim, 0.0F);
          for (uint64_t i = list[0]; i < list[1]; ++i) {
            const float* value = table + data.multi_ids[i] * field.dim;
            for (size_t d = 0; d < field.dim; ++d) embedding[d] += value[d];
          }
          const float count = static_cast<float>(list[1] - list[0]);
          for (size_t d = 0; d < field.dim; ++d) embedding[d] /= count;
          break;
        }
      }
    }
  }
}

// Over what Gather has put there, so that rows without noise take no other path than they are scored by.
void Network::DropInputs(const Noise& noise, size_t first, size_t last) {
  if (!noise.on_fields() && !noise.on_embeddings()) return;
  const float scale = noise.field_scale();
  for (size_t r = first; r < last; ++r) {
    float* input = input_.data() + r * layout_.width;
    for (size_t f = 0; f < layout_.fields.size(); ++f) {
      const InputField& field = layout_.fields[f];
      float* embedding = input + field.embedding_offset;
      const size_t width = field.dim + field.statistics;
      const Noise::Field fate = noise.on_fields() ? noise.OfField(r, f) : Noise::Field::kKept;
      if (fate == Noise::Field::kLeftOut) {
        std::fill_n(embedding, width, 0.0F);
        continue;
      }
      if (fate == Noise::Field::kUnknown && field.kind != model::FeatureKind::kNumeric) {
        // What is unknown has never been counted either: its statistics are 0.
        std::copy_n(parameters_->tables[f].data() + model::kUnknownId * field.dim, field.dim, embedding);
        std::fill_n(embedding + field.dim, field.statistics, 0.0F);
      }
      if (scale != 1) {
        for (size_t d = 0; d < width; ++d) embedding[d] *= scale;
      }
      if (!noise.on_embeddings()) continue;
      Noise::Mask mask = noise.OfEmbedding(r, f);
      for (size_t d = 0; d < field.dim; ++d) embedding[d] *= mask.Next();
    }
  }
}

void Network::Forward(const Noise& noise, size_t first, size_t last) {
  for (size_t l = 0; l < memory_.size(); ++l) {
    const DenseLayer& layer = parameters_->layers[l];
    model::DenseArgs args;
    args.rows = last - first;
    args.depth = layer.inputs;
    args.columns = layer.outputs;
    args.x = LayerInput(l) + first * layer.inputs;
    args.x_row_stride = layer.inputs;
    args.packed = memory_[l].packed.data();
    args.init = layer.bias.data();
    args.y = memory_[l].outputs.data() + first * layer.outputs;
    args.y_stride = layer.outputs;
    args.relu = l + 1 < memory_.size();
    kernels_.dense(args);
    if (!args.relu || !noise.on_hidden()) continue;
    for (size_t r = first; r < last; ++r) {
      Noise::Mask mask = noise.OfHidden(r, l);
      float* outputs = memory_[l].outputs.data() + r * layer.outputs;
      for (size_t c = 0; c < layer.outputs; ++c) outputs[c] *= mask.Next();
    }
  }
}

void Network::OutputDeltas(const EncodedRows& data, std::span<const uint32_t> rows, size_t first,
                           size_t last) {
  const size_t heads = data.heads;
  const float share = 1.0F / static_cast<float>(rows.size());
  for (size_t r = first; r < last; ++r) {
    const float* logits = memory_.back().outputs.data() + r * heads;
    float* deltas = memory_.back().deltas.data() + r * heads;
    const uint8_t* labels = data.labels.data() + rows[r] * heads;
    const float weight = data.weights.empty() ? 1.0F : data.weights[rows[r]];
    double loss = 0;
    for (size_t h = 0; h < heads; ++h) {
      // e is at most 1, and neither loss nor probability overflows.
      const float z = logits[h];
      const float e = std::exp(-std::abs(z));
      const float probability = (z >= 0 ? 1.0F : e) / (1 + e);
      loss += std::log1p(e) + std::max(z, 0.0F) - (labels[h] != 0 ? z : 0.0F);
      deltas[h] = (probability - static_cast<float>(labels[h])) * share * weight;
    }
    row_loss_[r] = loss * weight;
  }
}

void Network::Backward(const Noise& noise, size_t first, size_t last) {
  for (size_t l = memory_.size(); l-- > 0;) {
    const DenseLayer& layer = parameters_->layers[l];
    float* below = (l == 0 ? input_deltas_.data() : memory_[l - 1].deltas.data());
    model::DenseArgs args;
    args.rows = last - first;
    args.depth = layer.outputs;
    args.columns = layer.inputs;
    args.x = memory_[l].deltas.data() + first * layer.outputs;
    args.x_row_stride = layer.outputs;
    args.packed = memory_[l].packed_transposed.data();
    args.y = below + first * layer.inputs;
    args.y_stride = layer.inputs;
    kernels_.dense(args);
    if (l == 0) continue;
    // A unit that was off, or dropped, put out 0 and passes nothing on.
    const float scale = noise.hidden_scale();
    const float* outputs = memory_[l - 1].outputs.data();
    for (size_t i = first * layer.inputs; i < last * layer.inputs; ++i) {
      below[i] = outputs[i] > 0 ? below[i] * scale : 0.0F;
    }
  }
}

void Network::LayerGradient(size_t l, size_t rows, size_t first_column, size_t last_column) {
  DenseLayer& gradient = gradients_.layers[l];
  const float* deltas = memory_[l].deltas.data() + first_column;
  float* packed = memory_[l].packed_deltas.data() + first_column * rows;
  kernels_.pack(deltas, gradient.outputs, 1, rows, last_column - first_column, packed);
  model::DenseArgs args;
  args.rows = gradient.inputs;
  args.depth = rows;
  args.columns = last_column - first_column;
  args.x = LayerInput(l);
  args.x_row_stride = 1;  // the transpose, by reading the other way round
  args.x_depth_stride = gradient.inputs;
  args.packed = packed;
  args.y = gradient.weights.data() + first_column;
  args.y_stride = gradient.outputs;
  kernels_.dense(args);
  float* bias = gradient.bias.data() + first_column;
  std::fill_n(bias, last_column - first_column, 0.0F);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < last_column - first_column; ++c) bias[c] += deltas[r * gradient.outputs + c];
  }
}

void Network::TableGradient(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise,
                            size_t f) {
  const InputField& field = layout_.fields[f];
  RowGradients& gradient = gradients_.tables[f];
  gradient.Clear();
  if (field.dim == 0) return;
  std::vector<float> masked(noise.on_embeddings() ? field.dim : 0);
  const bool tokens = field.kind != model::FeatureKind::kNumeric;
  for (size_t r = 0; r < rows.size(); ++r) {
    const Noise::Field fate = noise.on_fields() ? noise.OfField(r, f) : Noise::Field::kKept;
    if (fate == Noise::Field::kLeftOut) continue;
    const float* deltas = input_deltas_.data() + r * layout_.width + field.embedding_offset;
    const float scale = noise.on_fields() ? noise.field_scale() : 1.0F;
    if (noise.on_embeddings()) {
      Noise::Mask mask = noise.OfEmbedding(r, f);
      for (size_t d = 0; d < field.dim; ++d) masked[d] = deltas[d] * mask.Next();
      deltas = masked.data();
    }
    if (fate == Noise::Field::kUnknown && tokens) {
      gradient.Add(model::kUnknownId, deltas, scale);
      continue;
    }
    switch (field.kind) {
      case model::FeatureKind::kNumeric:
        gradient.Add(data.numbers[rows[r] * layout_.numeric + field.column].bin, deltas, scale);
        break;
      case model::FeatureKind::kCategorical:
        gradient.Add(data.ids[rows[r] * layout_.categorical + field.column], deltas, scale);
        break;
      case model::FeatureKind::kMultiCategorical: {
        const uint64_t* list = data.multi_begin.data() + rows[r] * layout_.multi + field.column;
        const float part = scale / static_cast<float>(list[1] - list[0]);
        for (uint64_t i = list[0]; i < list[1]; ++i) gradient.Add(data.multi_ids[i], deltas, part);
        break;
      }
    }
  }
}

void Network::Logits(const EncodedRows& data, std::span<const uint32_t> rows, float* logits) {
  const size_t heads = gradients_.layers.back().outputs;
  Reserve(std::min(rows.size(), kScoringBatch));
  for (size_t begin = 0; begin < rows.size(); begin += kScoringBatch) {
    const std::span<const uint32_t> batch = rows.subspan(begin, std::min(kScoringBatch, rows.size() - begin));
    workers_.Run([&](size_t worker) {
      const auto [first, last] = workers_.Share(worker, batch.size());
      if (first == last) return;
      Gather(data, batch, first, last);
      Forward(Noise(), first, last);
    });
    std::copy_n(memory_.back().outputs.data(), batch.size() * heads, logits + begin * heads);
  }
}

double Network::Backpropagate(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise) {
  Reserve(rows.size());
  // First by rows: each worker takes its rows all the way forward and back.
  workers_.Run([&](size_t worker) {
    const auto [first, last] = workers_.Share(worker, rows.size());
    if (first == last) return;
    Gather(data, rows, first, last);
    DropInputs(noise, first, last);
    Forward(noise, first, last);
    OutputDeltas(data, rows, first, last);
    Backward(noise, first, last);
  });
  // Then by what the gradient belongs to: each worker sums over all rows, in their order.
  workers_.Run([&](size_t worker) {
    const size_t grain = std::lcm(kernels_.panel_columns, size_t{16});
    for (size_t l = 0; l < memory_.size(); ++l) {
      const auto [first, last] = workers_.Share(worker, gradients_.layers[l].outputs, grain);
      if (first < last) LayerGradient(l, rows.size(), first, last);
    }
    const auto [first, last] = workers_.Share(worker, layout_.fields.size());
    for (size_t f = first; f < last; ++f) TableGradient(data, rows, noise, f);
  });
  double loss = 0;
  for (size_t r = 0; r < rows.size(); ++r) loss += row_loss_[r];
  return loss / static_cast<double>(rows.size());
}

}  // namespace adscore::trainer
