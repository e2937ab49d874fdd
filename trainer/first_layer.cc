#include "trainer/first_layer.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>

#include "model/prefetch.h"
#include "trainer/sparse_product.h"

namespace adscore::trainer {
namespace {

// Embeddings are too short for a call of memcpy to pay.
inline void CopyFloats(const float* from, size_t count, float* to) {
  size_t i = 0;
  for (; i + 4 <= count; i += 4) std::memcpy(to + i, from + i, 4 * sizeof(float));
  for (; i < count; ++i) to[i] = from[i];
}

// Rows ahead of the one that is gathered, whose lines are on their way before it is its turn: rows are drawn
// from anywhere in a data set that is larger than the caches.
constexpr size_t kRowsAhead = 16;

void Prefetch(const EncodedRows& data, const InputLayout& layout, size_t row) {
  model::PrefetchLines(data.numbers.data() + row * layout.numeric,
                       layout.numeric * sizeof(model::EncodedNumber));
  model::PrefetchLines(data.ids.data() + row * layout.categorical, layout.categorical * sizeof(uint32_t));
  model::PrefetchLines(data.statistics.data() + row * layout.statistics, layout.statistics * sizeof(float));
}

constexpr uint32_t kLeftOut = UINT32_MAX;

// Outputs that are worked on together: so few that what all ids come to for them, which is read in no order,
// stays in the second-level cache; and a tile of sparse_product.h. In half precision on the way forward only:
// on the way back as many as HalfKernels::dot takes.
constexpr size_t kColumnsTogether = 80;
constexpr size_t kHalfColumnsTogether = 128;
constexpr size_t kLineFloats = model::kAlignment / sizeof(float);

// Whether half precision saves more than it costs, and sums of an embedding are short enough for it.
bool HalvesPay(const InputLayout& layout, size_t outputs) {
  return outputs >= kLeastHalfWidth &&
         std::all_of(layout.fields.begin(), layout.fields.end(),
                     [](const InputField& field) { return field.dim <= kHalfDepth; });
}

}  // namespace

FirstLayer::FirstLayer(const InputLayout& layout, size_t outputs, const model::KernelSet& kernels,
                       size_t workers, const HalfKernels* halves)
    : layout_(layout),
      outputs_(outputs),
      kernels_(kernels),
      halves_(HalvesPay(layout, outputs) ? halves : nullptr),
      plain_(PlainInputs(layout)),
      scratch_(workers) {
  size_t input = 0;
  for (const InputField& field : layout.fields) {
    const size_t f = fields_.size();
    fields_.push_back({.batch = BatchIds(field.ids)});
    if (field.kind == model::FeatureKind::kNumeric) {
      numbers_.push_back({f, field.column, 0, input});
      input += 2;  // its value, and whether it is missing
    } else if (field.kind == model::FeatureKind::kCategorical) {
      ids_.push_back({f, field.column, 0, input});
    }
    if (field.statistics > 0) statistics_.push_back({f, field.statistics_column, field.statistics, input});
    input += field.statistics;
  }
  ListPanels();
  plain_weights_.Reserve(plain_.size() * outputs);
  plain_gradient_.Reserve(plain_.size() * outputs);
  packed_plain_.Reserve(kernels.packed_floats(plain_.size(), outputs));
}

std::vector<FirstLayer::Panel> FirstLayer::Panels(size_t together, size_t multiple) const {
  std::vector<Panel> panels;
  const size_t grain = in_halves() ? kHalfLanes : kLineFloats;
  const size_t least = (outputs_ + together - 1) / together;
  const size_t count = (least + multiple - 1) / multiple * multiple;
  for (size_t begin = 0; begin < outputs_;) {
    const size_t left = outputs_ - begin;
    const size_t even = (left + count - panels.size() - 1) / (count - panels.size());
    const size_t columns = std::min((even + grain - 1) / grain * grain, left);
    panels.push_back({begin, columns});
    begin += columns;
  }
  return panels;
}

void FirstLayer::ListPanels() {
  forward_panels_ = Panels(in_halves() ? kHalfColumnsTogether : kColumnsTogether, scratch_.size());
  // The same ones whoever computes them: an embedding's gradient is the sum of the panels'.
  backward_panels_ = Panels(in_halves() ? kHalfDotColumns : kColumnsTogether, 1);
}

void FirstLayer::Use(const Parameters& parameters, bool scoring) {
  parameters_ = &parameters;
  if (scoring != scoring_) {
    scoring_ = scoring;
    ListPanels();
  }
  const float* weights = parameters.layers.front().weights.data();
  float* to = plain_weights_.data();
  for (const uint32_t input : plain_) to = std::copy_n(weights + input * outputs_, outputs_, to);
  if (in_halves()) {
    halves_->to_halves(plain_weights_.data(), 1, plain_.size(), outputs_,
                       ReserveHalves(plain_.size() * HalfStride(outputs_), &half_plain_weights_));
  } else {
    kernels_.pack(plain_weights_.data(), outputs_, 1, plain_.size(), outputs_, packed_plain_.data());
  }
}

void FirstLayer::Reserve(size_t rows) {
  plain_inputs_.Reserve(rows * plain_.size());
  if (in_halves()) {
    ReservePairs(rows * plain_.size(), &plain_pairs_);
    ReserveHalves(rows * HalfStride(outputs_), &half_deltas_);
  }
  for (Field& field : fields_) field.row_ids.resize(std::max(field.row_ids.size(), rows));
  blocks_.resize(std::max(blocks_.size(), (rows + kRowsTogether - 1) / kRowsTogether));
  const size_t before = row_index_.size();
  row_index_.resize(std::max({before, rows, plain_.size()}));
  std::iota(row_index_.begin(), row_index_.end(), 0U);
}

void FirstLayer::Gather(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise,
                        size_t first, size_t last) {
  const float scale = noise.on_fields() ? noise.field_scale() : 1.0F;
  const size_t count = last - first;
  const auto ids = std::make_unique<uint32_t[]>(fields_.size() * count);  // [fields][rows]
  std::vector<Noise::Field> fates(fields_.size(), Noise::Field::kKept);
  for (size_t r = first; r < std::min(first + kRowsAhead, last); ++r) Prefetch(data, layout_, rows[r]);
  for (size_t r = first; r < last; ++r) {
    if (r + kRowsAhead < last) Prefetch(data, layout_, rows[r + kRowsAhead]);
    const size_t row = rows[r];
    float* const inputs = plain_inputs_.data() + r * plain_.size();
    uint32_t* const row_ids = ids.get() + (r - first);  // `count` apart
    const model::EncodedNumber* const numbers = data.numbers.data() + row * layout_.numeric;
    for (const Gathered& place : numbers_) {
      const model::EncodedNumber& number = numbers[place.column];
      inputs[place.input] = number.value;
      inputs[place.input + 1] = number.missing;
      row_ids[place.field * count] = number.bin;
    }
    const uint32_t* const tokens = data.ids.data() + row * layout_.categorical;
    for (const Gathered& place : ids_) row_ids[place.field * count] = tokens[place.column];
    if (noise.on_fields()) {
      for (size_t f = 0; f < fields_.size(); ++f) {
        fates[f] = noise.OfField(r, f);
        if (fates[f] == Noise::Field::kLeftOut) row_ids[f * count] = kLeftOut;
      }
      for (const Gathered& place : ids_) {
        if (fates[place.field] == Noise::Field::kUnknown) row_ids[place.field * count] = model::kUnknownId;
      }
    }
    const float* const statistics = data.statistics.data() + row * layout_.statistics;
    for (const Gathered& place : statistics_) {
      // What is unknown has never been counted either: its statistics are 0.
      const float weight = fates[place.field] == Noise::Field::kKept ? scale : 0.0F;
      for (size_t s = 0; s < place.count; ++s) {
        inputs[place.input + s] = weight * statistics[place.column + s];
      }
    }
  }
  // Whole lines at a time: they were last read by whichever worker had the field.
  for (size_t f = 0; f < fields_.size(); ++f) {
    std::copy_n(ids.get() + f * count, count, fields_[f].row_ids.data() + first);
  }
}

void FirstLayer::FindIds(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise,
                         size_t f) {
  const InputField& place = layout_.fields[f];
  Field& field = fields_[f];
  const float scale = noise.on_fields() ? noise.field_scale() : 1.0F;
  field.batch.Begin();
  if (place.kind != model::FeatureKind::kMultiCategorical) {
    field.batch.AddEach(std::span(field.row_ids).first(rows.size()), kLeftOut, scale);
  }
  for (size_t r = 0; place.kind == model::FeatureKind::kMultiCategorical && r < rows.size(); ++r) {
    const Noise::Field fate = noise.on_fields() ? noise.OfField(r, f) : Noise::Field::kKept;
    if (fate == Noise::Field::kKept) {
      const uint64_t* part = data.multi_begin.data() + rows[r] * layout_.multi + place.column;
      const float share = scale / static_cast<float>(part[1] - part[0]);
      for (uint64_t i = part[0]; i < part[1]; ++i) field.batch.Add(data.multi_ids[i], share);
    } else if (fate == Noise::Field::kUnknown) {
      field.batch.Add(model::kUnknownId, scale);
    }
    field.batch.EndRow();
  }
  field.batch.End();
}

void FirstLayer::Collect(const EncodedRows& data, std::span<const uint32_t> rows, const Noise& noise,
                         size_t f) {
  const InputField& place = layout_.fields[f];
  if (place.dim == 0) return;
  Field& field = fields_[f];
  FindIds(data, rows, noise, f);
  const std::span<const uint32_t> ids = field.batch.ids();
  const float* table = parameters_->tables[f].data();
  float* embedding = field.embeddings.Reserve(ids.size() * place.dim);
  float* linear = field.linear.Reserve(ids.size() * place.linear);
  for (const uint32_t id : ids) {
    const float* const row = table + id * place.RowFloats();
    CopyFloats(row, place.dim, embedding);
    linear = std::copy_n(row + place.dim, place.linear, linear);
    if (noise.on_embeddings()) {
      Noise::Mask mask = noise.OfEmbedding(id, f);
      for (size_t d = 0; d < place.dim; ++d) embedding[d] *= mask.Next();
    }
    embedding += place.dim;
  }
  if (in_halves()) {
    const size_t count = ids.size() * place.dim;
    halves_->to_pairs(field.embeddings.data(), 1, count, ReservePairs(count, &field.pairs));
  }
}

void FirstLayer::Place() {
  places_ = 0;
  for (size_t f = 0; f < fields_.size(); ++f) {
    if (layout_.fields[f].dim == 0) continue;
    fields_[f].first_place = places_;
    places_ += fields_[f].batch.ids().size();
  }
}

void FirstLayer::ReserveSums() {
  for (size_t f = 0; f < fields_.size(); ++f) {
    fields_[f].gradients.Reserve(backward_panels_.size() * fields_[f].batch.ids().size() *
                                 layout_.fields[f].dim);
  }
}

void FirstLayer::ListUses(size_t first, size_t last) {
  // Field by field: a field's uses lie next to each other, those of a row in as many places as there are
  // fields, most of them written by another worker.
  Block& block = blocks_[first / kRowsTogether];
  block.begin.assign(last - first + 2, 0);  // as in BatchIds::End: two steps ahead, then one
  for (size_t f = 0; f < fields_.size(); ++f) {
    if (layout_.fields[f].dim == 0) continue;
    const BatchIds& batch = fields_[f].batch;
    for (size_t r = first; r < last; ++r) {
      block.begin[r - first + 2] += static_cast<uint32_t>(batch.OfRow(r).size());
    }
  }
  std::partial_sum(block.begin.begin(), block.begin.end(), block.begin.begin());
  block.uses.resize(block.begin.back());
  for (size_t f = 0; f < fields_.size(); ++f) {
    if (layout_.fields[f].dim == 0) continue;
    const Field& field = fields_[f];
    for (size_t r = first; r < last; ++r) {
      for (const BatchIds::Use& use : field.batch.OfRow(r)) {
        block.uses[block.begin[r - first + 1]++] = {static_cast<uint32_t>(field.first_place + use.at),
                                                    use.factor};
      }
    }
  }
}

void FirstLayer::ForwardPanel(size_t worker, size_t panel, size_t rows, float* outputs) {
  if (in_halves()) {
    return ForwardPanelInHalves(&scratch_[worker], forward_panels_[panel], rows, outputs);
  }
  ForwardPanel(&scratch_[worker], forward_panels_[panel], rows, outputs);
}

void FirstLayer::ForwardPanel(Scratch* scratch, const Panel& panel, size_t rows, float* outputs) {
  const auto [begin, columns] = panel;
  const DenseLayer& layer = parameters_->layers.front();
  float* const projected = scratch->projected.Reserve(places_ * columns);
  for (size_t f = 0; f < fields_.size(); ++f) {
    const InputField& place = layout_.fields[f];
    const Field& field = fields_[f];
    if (place.dim == 0) continue;
    float* const weights = scratch->weights.Reserve(place.dim * columns);
    for (size_t d = 0; d < place.dim; ++d) {
      std::copy_n(layer.weights.data() + (place.embedding_offset + d) * outputs_ + begin, columns,
                  weights + d * columns);
    }
    Multiply({.rows = field.batch.ids().size(),
              .depth = place.dim,
              .columns = columns,
              .x = field.embeddings.data(),
              .x_row_stride = place.dim,
              .w = weights,
              .w_stride = columns,
              .y = projected + field.first_place * columns,
              .y_stride = columns});
  }
  for (size_t r = 0; r < rows; r += kRowsTogether) {
    SumRows(blocks_[r / kRowsTogether].lists(), layer.bias.data() + begin, projected, columns, columns,
            outputs + r * outputs_ + begin, outputs_);
  }
}

void FirstLayer::Forward(size_t first, size_t last, bool relu, float* outputs) {
  if (in_halves()) return ForwardInHalves(first, last, relu, outputs);
  float* y = outputs + first * outputs_;
  kernels_.dense({.rows = last - first,
                  .depth = plain_.size(),
                  .columns = outputs_,
                  .x = plain_inputs_.data() + first * plain_.size(),
                  .x_row_stride = plain_.size(),
                  .packed = packed_plain_.data(),
                  .init = y,
                  .init_stride = outputs_,
                  .init_row = row_index_.data(),
                  .y = y,
                  .y_stride = outputs_,
                  .relu = relu});
}

void FirstLayer::AddLinear(size_t first, size_t last, float* logits) const {
  const size_t heads = layout_.linear;
  for (size_t r = first; r < last; ++r) {
    float* const to = logits + r * heads;
    for (size_t f = 0; f < fields_.size(); ++f) {
      if (layout_.fields[f].dim == 0) continue;
      for (const BatchIds::Use& use : fields_[f].batch.OfRow(r)) {
        const float* const weights = fields_[f].linear.data() + use.at * heads;
        for (size_t h = 0; h < heads; ++h) to[h] += use.factor * weights[h];
      }
    }
    const float* const plain = plain_inputs_.data() + r * plain_.size();
    const float* weights = parameters_->linear.weights.data();
    for (size_t i = 0; i < plain_.size(); ++i, weights += heads) {
      for (size_t h = 0; h < heads; ++h) to[h] += plain[i] * weights[h];
    }
  }
}

void FirstLayer::LinearGradient(const float* output_deltas, size_t rows, DenseLayer* gradient) const {
  const size_t heads = layout_.linear;
  std::fill(gradient->weights.begin(), gradient->weights.end(), 0.0F);
  for (size_t r = 0; r < rows; ++r) {
    const float* const plain = plain_inputs_.data() + r * plain_.size();
    const float* const deltas = output_deltas + r * heads;
    float* to = gradient->weights.data();
    for (size_t i = 0; i < plain_.size(); ++i, to += heads) {
      for (size_t h = 0; h < heads; ++h) to[h] += plain[i] * deltas[h];
    }
  }
}

void FirstLayer::BackwardPiece(size_t worker, size_t piece, const float* deltas, DenseLayer* gradient) {
  const Panel& panel = backward_panels_[piece / fields_.size()];
  const InputField& place = layout_.fields[piece % fields_.size()];
  Field& field = fields_[piece % fields_.size()];
  if (place.dim == 0) return;
  Scratch& scratch = scratch_[worker];
  const size_t ids = field.batch.ids().size();
  const auto [begin, columns] = panel;
  const size_t first_weight = place.embedding_offset * outputs_ + begin;
  float* const embedding_gradients = field.gradients.data() + piece / fields_.size() * ids * place.dim;
  if (in_halves()) {
    return BackwardPieceInHalves(&scratch, panel, place, &field, embedding_gradients, gradient);
  }
  float* const sums = scratch.sums.Reserve(ids * columns);
  SumRows(field.batch.by_place(), nullptr, deltas + begin, outputs_, columns, sums, columns);
  // The weights': embeddingsᵀ · sums.
  Multiply({.rows = place.dim,
            .depth = ids,
            .columns = columns,
            .x = field.embeddings.data(),
            .x_row_stride = 1,  // the transpose, by reading the other way round
            .x_depth_stride = place.dim,
            .w = sums,
            .w_stride = columns,
            .y = gradient->weights.data() + first_weight,
            .y_stride = outputs_});
  // The embeddings': sums · weightsᵀ.
  kernels_.pack(parameters_->layers.front().weights.data() + first_weight, 1, outputs_, columns, place.dim,
                scratch.packed.Reserve(kernels_.packed_floats(columns, place.dim)));
  kernels_.dense({.rows = ids,
                  .depth = columns,
                  .columns = place.dim,
                  .x = sums,
                  .x_row_stride = columns,
                  .packed = scratch.packed.data(),
                  .y = embedding_gradients,
                  .y_stride = place.dim});
}

void FirstLayer::FieldGradient(const float* output_deltas, const Noise& noise, size_t f,
                               RowGradients* table) {
  const InputField& place = layout_.fields[f];
  const Field& field = fields_[f];
  if (place.dim == 0) return;
  const std::span<const uint32_t> ids = field.batch.ids();
  float* const to = table->Reset(ids);
  const float* from = field.gradients.data();
  for (size_t panel = 0; panel < backward_panels_.size(); ++panel) {
    for (size_t i = 0; i < ids.size(); ++i, from += place.dim) {
      float* const row = to + i * place.RowFloats();
      for (size_t d = 0; d < place.dim; ++d) row[d] = panel == 0 ? from[d] : row[d] + from[d];
    }
  }
  for (size_t i = 0; noise.on_embeddings() && i < ids.size(); ++i) {
    Noise::Mask mask = noise.OfEmbedding(ids[i], f);
    for (size_t d = 0; d < place.dim; ++d) to[i * place.RowFloats() + d] *= mask.Next();
  }
  for (size_t i = 0; place.linear > 0 && i < ids.size(); ++i) {
    float* const linear = to + i * place.RowFloats() + place.dim;
    std::fill_n(linear, place.linear, 0.0F);
    for (const BatchIds::Use& use : field.batch.OfPlace(i)) {
      for (size_t h = 0; h < place.linear; ++h)
        linear[h] += use.factor * output_deltas[use.at * place.linear + h];
    }
  }
}

void FirstLayer::PlainGradient(const float* packed_deltas, size_t first, size_t last, size_t first_input,
                               size_t last_input) {
  if (in_halves()) return PlainGradientInHalves(first, last, first_input, last_input);
  float* const y = plain_gradient_.data() + first_input * outputs_;
  kernels_.dense({.rows = last_input - first_input,
                  .depth = last - first,
                  .columns = outputs_,
                  .x = plain_inputs_.data() + first * plain_.size() + first_input,
                  .x_row_stride = 1,
                  .x_depth_stride = plain_.size(),
                  .packed = packed_deltas,
                  .init = first > 0 ? y : nullptr,
                  .init_stride = outputs_,
                  .init_row = first > 0 ? row_index_.data() : nullptr,
                  .y = y,
                  .y_stride = outputs_});
}

void FirstLayer::StorePlainGradient(size_t first_input, size_t last_input, DenseLayer* gradient) const {
  for (size_t i = first_input; i < last_input; ++i) {
    std::copy_n(plain_gradient_.data() + i * outputs_, outputs_,
                gradient->weights.data() + plain_[i] * outputs_);
  }
}

}  // namespace adscore::trainer
