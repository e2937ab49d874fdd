// The first layer's steps in half precision. Deltas are multiplied by delta_scale_ there, their sums by a
// scale of their own, and what comes of them is divided by both again.
#include <algorithm>
#include <cmath>

#include "trainer/first_layer.h"

namespace adscore::trainer {
namespace {

// What the sums of these lists are best multiplied by as halves, a power of two: an id that all rows have
// comes to a sum that is many times as large as a row's delta, and one of many in a row to a small part of
// it. There is still room above, for deltas of one sign and for rows that weigh a hundred times the mean.
float SumScale(const RowLists& lists) {
  constexpr float kMostOfSum = 256;
  constexpr float kMostOfRow = 4;
  constexpr int kMostBits = 14;
  float most = 0;  // of both, as a share of what there is room for
  for (size_t i = 0; i < lists.size(); ++i) {
    float sum = 0;
    for (uint32_t at = lists.begin[i]; at < lists.begin[i + 1]; ++at) {
      sum += lists.rows[at].factor;
      most = std::max(most, lists.rows[at].factor / kMostOfRow);
    }
    most = std::max(most, sum / kMostOfSum);
  }
  if (most == 0) return 1;  // no row has any
  return std::ldexp(1.0F, std::clamp(-std::ilogb(most) - 1, -kMostBits, kMostBits));
}

}  // namespace

void FirstLayer::DoWithoutHalves() {
  halves_ = nullptr;
  overflowed_ = false;
  ListPanels();
}

void FirstLayer::Check(bool within_halves) {
  if (!within_halves) overflowed_.store(true, std::memory_order_relaxed);
}

void FirstLayer::ForwardPanelInHalves(Scratch* scratch, const Panel& panel, size_t rows, float* outputs) {
  const auto [begin, columns] = panel;
  const DenseLayer& layer = parameters_->layers.front();
  const size_t stride = HalfStride(columns);
  Half* const projected = ReserveHalves(places_ * stride, &scratch->half_projected);  // of every id
  for (size_t f = 0; f < fields_.size(); ++f) {
    const InputField& place = layout_.fields[f];
    Field& field = fields_[f];
    if (place.dim == 0) continue;
    Half* const weights = ReserveHalves(place.dim * stride, &scratch->half_weights);
    for (size_t d = 0; d < place.dim; ++d) {
      halves_->to_halves(layer.weights.data() + (place.embedding_offset + d) * outputs_ + begin, 1, 1,
                         columns, weights + d * stride);
    }
    Check(halves_->multiply({{.rows = field.batch.ids().size(),
                              .depth = place.dim,
                              .columns = columns,
                              .x = Pairs(&field.pairs),
                              .x_row_stride = place.dim,
                              .w = weights,
                              .w_stride = stride},
                             1,
                             projected + field.first_place * stride}));
  }
  for (size_t r = 0; r < rows; r += kRowsTogether) {
    Check(halves_->sum_rows({.lists = blocks_[r / kRowsTogether].lists(),
                             .first = layer.bias.data() + begin,
                             .values = projected,
                             .values_stride = stride,
                             .columns = columns,
                             .to = outputs + r * outputs_ + begin,
                             .to_stride = outputs_}));
  }
}

void FirstLayer::ForwardInHalves(size_t first, size_t last, bool relu, float* outputs) {
  float* const y = outputs + first * outputs_;
  HalfPair* const x = Pairs(&plain_pairs_) + first * plain_.size();
  halves_->to_pairs(plain_inputs_.data() + first * plain_.size(), 1, (last - first) * plain_.size(), x);
  Check(halves_->multiply({{.rows = last - first,
                            .depth = plain_.size(),
                            .columns = outputs_,
                            .x = x,
                            .x_row_stride = plain_.size(),
                            .w = Halves(&half_plain_weights_),
                            .w_stride = HalfStride(outputs_),
                            .first = y,
                            .first_stride = outputs_,
                            .y = y,
                            .y_stride = outputs_,
                            .relu = relu}}));
}

void FirstLayer::RoundDeltas(size_t first, size_t last, const float* deltas) {
  halves_->to_halves(deltas + first * outputs_, delta_scale_, last - first, outputs_,
                     Halves(&half_deltas_) + first * HalfStride(outputs_));
}

void FirstLayer::BackwardPieceInHalves(Scratch* scratch, const Panel& panel, const InputField& place,
                                       Field* field, float* embedding_gradients, DenseLayer* gradient) {
  const auto [begin, columns] = panel;
  const size_t ids = field->batch.ids().size();
  const size_t stride = HalfStride(columns);
  const size_t first_weight = place.embedding_offset * outputs_ + begin;
  const float sum_scale = SumScale(field->batch.by_place());
  const float scale = 1 / (delta_scale_ * sum_scale);
  Half* const sums = ReserveHalves(ids * stride, &scratch->half_sums);
  Check(halves_->sum_rows({.lists = field->batch.by_place(),
                           .scale = sum_scale,
                           .values = Halves(&half_deltas_) + begin,
                           .values_stride = HalfStride(outputs_),
                           .columns = columns,
                           .sums = sums}));
  // The weights': embeddingsᵀ · sums.
  Check(halves_->multiply({{.rows = place.dim,
                            .depth = ids,
                            .columns = columns,
                            .x = Pairs(&field->pairs),
                            .x_row_stride = 1,  // the transpose, by reading the other way round
                            .x_depth_stride = place.dim,
                            .w = sums,
                            .w_stride = stride,
                            .y = gradient->weights.data() + first_weight,
                            .y_stride = outputs_},
                           scale}));
  // The embeddings': sums · weightsᵀ. The weights, which are small, are made larger so as not to lose digits.
  constexpr float kWeightScale = 4;
  Half* const weights = ReserveHalves(place.dim * stride, &scratch->half_weights);
  for (size_t d = 0; d < place.dim; ++d) {
    halves_->to_halves(parameters_->layers.front().weights.data() + first_weight + d * outputs_, kWeightScale,
                       1, columns, weights + d * stride);
  }
  Check(halves_->dot({.rows = ids,
                      .dims = place.dim,
                      .columns = columns,
                      .x = sums,
                      .w = weights,
                      .scale = scale / kWeightScale,
                      .y = embedding_gradients}));
}

void FirstLayer::PlainGradientInHalves(size_t first, size_t last, size_t first_input, size_t last_input) {
  float* const y = plain_gradient_.data() + first_input * outputs_;
  Check(halves_->multiply({{.rows = last_input - first_input,
                            .depth = last - first,
                            .columns = outputs_,
                            .x = Pairs(&plain_pairs_) + first * plain_.size() + first_input,
                            .x_row_stride = 1,  // the transpose, by reading the other way round
                            .x_depth_stride = plain_.size(),
                            .w = Halves(&half_deltas_) + first * HalfStride(outputs_),
                            .w_stride = HalfStride(outputs_),
                            .first = first > 0 ? y : nullptr,
                            .first_stride = outputs_,
                            .y = y,
                            .y_stride = outputs_},
                           1 / delta_scale_}));
}

}  // namespace adscore::trainer
