#include "model/model.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "model/single_rows.h"

namespace adscore::model {
namespace {

// Rows that go through all layers together: enough to share each load of a weight, few enough that the
// activations stay in the second-level cache.
constexpr size_t kBlockRows = 128;

// Adds the time between its construction and its end. Around blocks of rows, never around a row.
class AddTimeTo {
 public:
  explicit AddTimeTo(std::chrono::nanoseconds* sum) : sum_(sum) {}
  ~AddTimeTo() { *sum_ += std::chrono::steady_clock::now() - start_; }
  AddTimeTo(const AddTimeTo&) = delete;
  AddTimeTo& operator=(const AddTimeTo&) = delete;

 private:
  std::chrono::nanoseconds* const sum_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

Model::Model(std::unique_ptr<const MappedSnapshot> mapped, const KernelSet& kernels)
    : mapped_(std::move(mapped)),
      snapshot_(&mapped_->snapshot()),
      kernels_(&kernels),
      context_(*snapshot_, FeatureRole::kContext),
      candidates_(*snapshot_, FeatureRole::kCandidate) {
  Prepare();
}

Model::Model(const Snapshot& snapshot, const KernelSet& kernels)
    : snapshot_(&snapshot),
      kernels_(&kernels),
      context_(snapshot, FeatureRole::kContext),
      candidates_(snapshot, FeatureRole::kCandidate) {
  Prepare();
}

void Model::Prepare() {
  fingerprint_ = Fingerprint(snapshot_->schema);
  context_apart_ = context_.width() > 0 && snapshot_->LayersOf(0).size() > 1;
  const size_t apart = context_apart_ ? context_.width() : 0;
  member_stride_ = RowStride(context_.width() + candidates_.width() - apart);
  input_stride_ = snapshot_->members * member_stride_;
  members_.reserve(snapshot_->members);
  for (size_t m = 0; m < snapshot_->members; ++m)
    members_.emplace_back(snapshot_->LayersOf(m), apart, *kernels_);
  for (size_t r = 0; r < kBlockRows; ++r) {
    for (const Head& head : snapshot_->heads) {
      const bool bent = !head.calibrator.knots.empty();
      calibrator_slope_.push_back(bent ? 1 : head.calibrator.slope);
      calibrator_offset_.push_back(bent ? 0 : head.calibrator.offset);
    }
  }
  for (size_t h = 0; h < heads(); ++h) {
    if (!snapshot_->heads[h].calibrator.knots.empty()) bent_heads_.push_back(h);
  }
}

void Model::ShareContexts(std::span<const Impression> impressions, ScoreScratch* scratch) const {
  const size_t member_stride = RowStride(context_.width());
  const size_t stride = members_.size() * member_stride;
  float* input = scratch->context_input.Reserve(impressions.size() * stride);
  for (size_t i = 0; i < impressions.size(); ++i) {
    context_.Seek(impressions[i].context, 0, &scratch->context_encode);
    context_.Encode(impressions[i].context, impressions[i].context, 0, 1, &scratch->context_encode,
                    {input + i * stride, stride, member_stride});
  }
  const AddTimeTo timed(&scratch->layers_time);
  const size_t shares = impressions.size() * members_.front().share_stride();
  float* share = scratch->context_share.Reserve(members_.size() * shares);
  for (size_t m = 0; m < members_.size(); ++m) {
    members_[m].ShareContexts(input + m * member_stride, stride, impressions.size(), &scratch->forward,
                              share + m * shares);
  }
}

void Model::ScoreBlock(size_t rows, size_t impressions, ScoreScratch* scratch, float* probabilities) const {
  const AddTimeTo timed(&scratch->layers_time);
  const size_t count = rows * heads();
  const size_t shares = impressions * members_.front().share_stride();
  for (size_t m = 0; m < members_.size(); ++m) {
    float* logits = m == 0 ? probabilities : scratch->logits.Reserve(count);
    members_[m].Run(scratch->input.data() + m * member_stride_, input_stride_, rows,
                    context_apart_ ? scratch->context_share.data() + m * shares : nullptr,
                    context_apart_ ? scratch->impression_of_row.data() : nullptr, &scratch->forward, logits);
    for (size_t i = 0; m > 0 && i < count; ++i) probabilities[i] += logits[i];
  }
  if (members_.size() > 1) {
    const float share = 1.0f / static_cast<float>(members_.size());
    for (size_t i = 0; i < count; ++i) probabilities[i] *= share;
  }
  for (const size_t head : bent_heads_) {
    const Calibrator& calibrator = snapshot_->heads[head].calibrator;
    for (size_t i = head; i < count; i += heads()) {
      probabilities[i] = static_cast<float>(LogOdds(calibrator, probabilities[i]));
    }
  }
  kernels_->sigmoids(probabilities, calibrator_slope_.data(), calibrator_offset_.data(), count,
                     probabilities);
  for (size_t h = 0; h < heads(); ++h) {  // in their order: what a head follows is a product already
    const std::optional<size_t> after = snapshot_->heads[h].after;
    if (!after) continue;
    for (size_t row = 0; row < count; row += heads()) probabilities[row + h] *= probabilities[row + *after];
  }
}

void Model::Score(std::span<const Impression> impressions, ScoreScratch* scratch,
                  float* probabilities) const {
  scratch->layers_time = std::chrono::nanoseconds(0);
  if (context_apart_) ShareContexts(impressions, scratch);
  float* input = scratch->input.Reserve(kBlockRows * input_stride_);
  scratch->impression_of_row.resize(kBlockRows);

  size_t rows = 0;  // encoded and not yet scored
  for (size_t i = 0; i < impressions.size(); ++i) {
    const Impression& impression = impressions[i];
    const size_t end = impression.begin + impression.Rows();
    candidates_.Seek(impression.candidates, impression.begin, &scratch->encode);
    for (size_t first = impression.begin; first < end;) {
      const size_t count = std::min(kBlockRows - rows, end - first);
      InputRows to = InputRows{input, input_stride_, member_stride_}.From(rows);
      if (!context_apart_ && context_.width() > 0) {
        for (size_t r = 0; r < count; ++r) {
          context_.Seek(impression.context, 0, &scratch->context_encode);
          context_.Encode(impression.context, impression.context, 0, 1, &scratch->context_encode, to.From(r));
        }
        to.to += context_.width();
      }
      candidates_.Encode(impression.candidates, impression.context, first, count, &scratch->encode, to);
      std::fill_n(scratch->impression_of_row.begin() + static_cast<ptrdiff_t>(rows), count,
                  static_cast<uint32_t>(i));
      rows += count;
      first += count;
      if (rows == kBlockRows) {
        ScoreBlock(rows, impressions.size(), scratch, probabilities);
        probabilities += rows * heads();
        rows = 0;
      }
    }
  }
  if (rows > 0) ScoreBlock(rows, impressions.size(), scratch, probabilities);
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
