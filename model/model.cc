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

// The embedding and the statistics of one token, or of kMissingId.
void EncodeId(const FeatureEncoding& encoding, uint32_t id, float* to) {
  const size_t dim = encoding.embedding.dim;
  std::memcpy(to, encoding.embedding.Row(encoding.EmbeddingId(id)), dim * sizeof(float));
  const size_t statistics = encoding.statistics.dim;
  if (statistics > 0) std::memcpy(to + dim, encoding.statistics.Row(id), statistics * sizeof(float));
}

void EncodeMulti(const FeatureEncoding& encoding, std::span<const uint64_t> tokens, float* to) {
  if (tokens.empty()) return EncodeId(encoding, kMissingId, to);
  const size_t dim = encoding.embedding.dim;
  const size_t statistics = encoding.statistics.dim;
  std::fill_n(to, dim + statistics, 0.0f);
  for (const uint64_t token : tokens) {
    const uint32_t id = encoding.vocabulary.Lookup(token);
    const float* row = encoding.embedding.Row(encoding.EmbeddingId(id));
    for (size_t d = 0; d < dim; ++d) to[d] += row[d];
    if (statistics == 0) continue;
    row = encoding.statistics.Row(id);
    for (size_t d = 0; d < statistics; ++d) to[dim + d] += row[d];
  }
  const float share = 1.0f / static_cast<float>(tokens.size());
  for (size_t d = 0; d < dim + statistics; ++d) to[d] *= share;
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

  context_apart_ = context_width_ > 0 && snapshot_->layers.size() > 1;
  const size_t apart = context_apart_ ? context_width_ : 0;
  input_stride_ = RowStride(context_width_ + candidate_width_ - apart);
  forward_.emplace(snapshot_->layers, apart, *kernels_);
  for (size_t r = 0; r < kBlockRows; ++r) {
    for (const Head& head : snapshot_->heads) {
      calibrator_slope_.push_back(head.calibrator.slope);
      calibrator_offset_.push_back(head.calibrator.offset);
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
          EncodeId(encoding, encoding.vocabulary.Lookup(columns.categorical[begin + r]), to);
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

void Model::ShareContexts(std::span<const Impression> impressions, ScoreScratch* scratch) const {
  const size_t stride = RowStride(context_width_);
  float* input = scratch->context_input.Reserve(impressions.size() * stride);
  for (size_t i = 0; i < impressions.size(); ++i) {
    Encode(context_slots_, impressions[i].context, 0, 1, input + i * stride, stride);
  }
  forward_->ShareContexts(input, stride, impressions.size(), &scratch->forward,
                          scratch->context_share.Reserve(impressions.size() * forward_->share_stride()));
}

void Model::ScoreBlock(size_t rows, ScoreScratch* scratch, float* probabilities) const {
  forward_->Run(
      scratch->input.data(), input_stride_, rows, context_apart_ ? scratch->context_share.data() : nullptr,
      context_apart_ ? scratch->impression_of_row.data() : nullptr, &scratch->forward, probabilities);
  kernels_->sigmoids(probabilities, calibrator_slope_.data(), calibrator_offset_.data(), rows * heads(),
                     probabilities);
}

void Model::Score(std::span<const Impression> impressions, ScoreScratch* scratch,
                  float* probabilities) const {
  if (context_apart_) ShareContexts(impressions, scratch);
  float* input = scratch->input.Reserve(kBlockRows * input_stride_);
  scratch->impression_of_row.resize(kBlockRows);

  size_t rows = 0;  // encoded and not yet scored
  for (size_t i = 0; i < impressions.size(); ++i) {
    const Impression& impression = impressions[i];
    const size_t end = impression.begin + impression.Rows();
    for (size_t first = impression.begin; first < end;) {
      const size_t count = std::min(kBlockRows - rows, end - first);
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
        ScoreBlock(rows, scratch, probabilities);
        probabilities += rows * heads();
        rows = 0;
      }
    }
  }
  if (rows > 0) ScoreBlock(rows, scratch, probabilities);
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
