#include "model/model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "model/single_rows.h"

namespace adscore::model {
namespace {

// Rows that go through all layers together: enough to share each load of a weight, few enough that the
// activations stay in the second-level cache.
constexpr size_t kBlockRows = 128;

// A row's stride in floats: whole cache lines.
size_t Stride(size_t width) {
  constexpr size_t kLine = kAlignment / sizeof(float);
  return (width + kLine - 1) / kLine * kLine;
}

void EncodeMulti(const FeatureEncoding& encoding, std::span<const uint64_t> tokens, float* to) {
  const size_t dim = encoding.embedding.dim;
  if (tokens.empty()) {
    std::memcpy(to, encoding.embedding.Row(kMissingId), dim * sizeof(float));
    return;
  }
  std::fill_n(to, dim, 0.0f);
  for (const uint64_t token : tokens) {
    const float* row = encoding.embedding.Row(encoding.vocabulary.Lookup(token));
    for (size_t d = 0; d < dim; ++d) to[d] += row[d];
  }
  const float share = 1.0f / static_cast<float>(tokens.size());
  for (size_t d = 0; d < dim; ++d) to[d] *= share;
}

}  // namespace

Model::Model(std::unique_ptr<const MappedSnapshot> mapped, const KernelSet& kernels)
    : mapped_(std::move(mapped)), snapshot_(&mapped_->snapshot()), kernels_(&kernels) {
  Prepare();
}

Model::Model(const Snapshot& snapshot, const KernelSet& kernels) : snapshot_(&snapshot), kernels_(&kernels) {
  Prepare();
}

void Model::Prepare() {
  fingerprint_ = Fingerprint(snapshot_->schema);
  size_t columns[2][3] = {};
  for (size_t i = 0; i < snapshot_->schema.features.size(); ++i) {
    const Feature& feature = snapshot_->schema.features[i];
    const FeatureEncoding& encoding = snapshot_->encodings[i];
    const bool in_context = feature.role == FeatureRole::kContext;
    size_t& width = in_context ? context_width_ : candidate_width_;
    size_t& column = columns[static_cast<size_t>(feature.role)][static_cast<size_t>(feature.kind)];
    (in_context ? context_slots_ : candidate_slots_).push_back({&feature, &encoding, column++, width});
    width += InputWidth(feature, encoding);
  }

  const std::span<const Layer> hidden = std::span(snapshot_->layers).first(snapshot_->layers.size() - 1);
  const auto pack = [this](const float* weights, size_t depth, size_t outputs) {
    AlignedFloats packed(kernels_->packed_floats(depth, outputs));
    kernels_->pack(weights, outputs, 1, depth, outputs, packed.data());
    return packed;
  };
  context_apart_ = context_width_ > 0 && !hidden.empty();
  const size_t apart = context_apart_ ? context_width_ : 0;
  input_stride_ = Stride(context_width_ + candidate_width_ - apart);
  for (size_t i = 0; i < hidden.size(); ++i) {
    const Layer& layer = hidden[i];
    const size_t skip = i == 0 ? apart : 0;
    if (skip > 0) packed_context_ = pack(layer.weights.data(), skip, layer.outputs);
    packed_layers_.push_back(
        pack(layer.weights.data() + skip * layer.outputs, layer.inputs - skip, layer.outputs));
    widest_stride_ = std::max(widest_stride_, Stride(layer.outputs));
  }

  const Layer& output = snapshot_->layers.back();
  head_weights_.Reserve(output.inputs * output.outputs);
  for (size_t k = 0; k < output.inputs; ++k) {
    for (size_t h = 0; h < output.outputs; ++h) {
      head_weights_.data()[h * output.inputs + k] = output.weights[k * output.outputs + h];
    }
  }
}

void Model::Encode(const std::vector<Slot>& slots, const RawColumns& columns, size_t first, size_t count,
                   float* input, size_t stride) {
  for (const Slot& slot : slots) {
    const FeatureEncoding& encoding = *slot.encoding;
    const EmbeddingTable& table = encoding.embedding;
    float* to = input + slot.offset;
    const size_t begin = slot.column * columns.rows + first;
    switch (slot.feature->kind) {
      case FeatureKind::kNumeric:
        for (size_t r = 0; r < count; ++r, to += stride) {
          const EncodedNumber number =
              EncodeNumber(*slot.feature, encoding.numeric, columns.numeric[begin + r]);
          to[0] = number.value;
          to[1] = number.missing;
          if (table.dim > 0) std::memcpy(to + 2, table.Row(number.bin), table.dim * sizeof(float));
        }
        break;
      case FeatureKind::kCategorical:
        for (size_t r = 0; r < count; ++r, to += stride) {
          const uint32_t id = encoding.vocabulary.Lookup(columns.categorical[begin + r]);
          std::memcpy(to, table.Row(id), table.dim * sizeof(float));
        }
        break;
      case FeatureKind::kMultiCategorical: {
        const auto counts = columns.multi_count;
        size_t at =
            std::accumulate(counts.begin(), counts.begin() + static_cast<ptrdiff_t>(begin), size_t{0});
        for (size_t r = 0; r < count; ++r, to += stride) {
          const size_t tokens = counts[begin + r];
          EncodeMulti(encoding, columns.multi.subspan(at, tokens), to);
          at += tokens;
        }
        break;
      }
    }
  }
}

void Model::ScoreContexts(std::span<const Impression> impressions, ScoreScratch* scratch) const {
  const Layer& first = snapshot_->layers.front();
  const size_t stride = Stride(context_width_);
  float* input = scratch->context_input.Reserve(impressions.size() * stride);
  for (size_t i = 0; i < impressions.size(); ++i) {
    Encode(context_slots_, impressions[i].context, 0, 1, input + i * stride, stride);
  }
  kernels_->dense({.rows = impressions.size(),
                   .depth = context_width_,
                   .columns = first.outputs,
                   .x = input,
                   .x_row_stride = stride,
                   .packed = packed_context_.data(),
                   .init = first.bias.data(),
                   .y = scratch->context_share.Reserve(impressions.size() * Stride(first.outputs)),
                   .y_stride = Stride(first.outputs)});
}

void Model::Forward(size_t rows, ScoreScratch* scratch, float* probabilities) const {
  const float* x = scratch->input.data();
  size_t x_stride = input_stride_;
  for (size_t i = 0; i < packed_layers_.size(); ++i) {
    const Layer& layer = snapshot_->layers[i];
    const bool add_context = i == 0 && context_apart_;
    float* y = scratch->activations[i % 2].data();
    kernels_->dense({.rows = rows,
                     .depth = layer.inputs - (add_context ? context_width_ : 0),
                     .columns = layer.outputs,
                     .x = x,
                     .x_row_stride = x_stride,
                     .packed = packed_layers_[i].data(),
                     .init = add_context ? scratch->context_share.data() : layer.bias.data(),
                     .init_stride = Stride(layer.outputs),
                     .init_row = add_context ? scratch->impression_of_row.data() : nullptr,
                     .y = y,
                     .y_stride = widest_stride_,
                     .relu = true});
    x = y;
    x_stride = widest_stride_;
  }
  const Layer& output = snapshot_->layers.back();
  kernels_->heads(x, x_stride, head_weights_.data(), output.bias.data(), rows, output.inputs, output.outputs,
                  probabilities);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t h = 0; h < output.outputs; ++h) {
      float& p = probabilities[r * output.outputs + h];
      p = Calibrate(snapshot_->heads[h].calibrator, p);
    }
  }
}

void Model::Score(std::span<const Impression> impressions, ScoreScratch* scratch,
                  float* probabilities) const {
  if (context_apart_) ScoreContexts(impressions, scratch);
  float* input = scratch->input.Reserve(kBlockRows * input_stride_);
  for (AlignedFloats& activations : scratch->activations) activations.Reserve(kBlockRows * widest_stride_);
  scratch->impression_of_row.resize(kBlockRows);

  size_t rows = 0;  // encoded and not yet scored
  for (size_t i = 0; i < impressions.size(); ++i) {
    const Impression& impression = impressions[i];
    for (size_t first = 0; first < impression.candidates.rows;) {
      const size_t count = std::min(kBlockRows - rows, impression.candidates.rows - first);
      float* to = input + rows * input_stride_;
      if (!context_apart_ && context_width_ > 0) {
        for (size_t r = 0; r < count; ++r) {
          Encode(context_slots_, impression.context, 0, 1, to + r * input_stride_, input_stride_);
        }
        to += context_width_;
      }
      Encode(candidate_slots_, impression.candidates, first, count, to, input_stride_);
      std::fill_n(scratch->impression_of_row.begin() + static_cast<ptrdiff_t>(rows), count,
                  static_cast<uint32_t>(i));
      rows += count;
      first += count;
      if (rows == kBlockRows) {
        Forward(rows, scratch, probabilities);
        probabilities += rows * heads();
        rows = 0;
      }
    }
  }
  if (rows > 0) Forward(rows, scratch, probabilities);
}

float Model::GoldenError() const {
  const GoldenRows& golden = snapshot_->golden;
  SingleRows rows;
  ScoreScratch scratch;
  std::vector<float> probabilities(golden.rows * heads());
  Score(rows.Split(snapshot_->schema, golden.context, golden.candidates), &scratch, probabilities.data());
  float worst = 0;
  for (size_t i = 0; i < probabilities.size(); ++i) {
    worst = std::max(worst, std::fabs(probabilities[i] - golden.probabilities[i]));
  }
  return worst;
}

}  // namespace adscore::model
