// A model ready to serve: a snapshot and its weights packed for one kernel set. Scores raw impressions.
//
// Model is constant after construction and shared by threads; each thread brings its own ScoreScratch.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/aligned.h"
#include "model/forward_pass.h"
#include "model/kernels/kernel_set.h"
#include "model/row_encoder.h"
#include "model/snapshot.h"

namespace adscore::model {

// Working memory of Score: grows to the largest batch seen, then allocates no more. One per thread.
struct ScoreScratch {
  AlignedFloats context_input;  // [impressions][members][context width]
  AlignedFloats context_share;  // [members][impressions][first layer's outputs]
  AlignedFloats
      input;  // [block of rows][members][candidate width], with the context's before it if not apart
  AlignedFloats logits;          // [block of rows][heads], of one member
  EncodeScratch context_encode;  // of the contexts
  EncodeScratch encode;          // of the candidates
  ForwardScratch forward;
  std::vector<uint32_t> impression_of_row;  // [block of rows]
  // What the layers took of the last Score's time; the rest went into encoding.
  std::chrono::nanoseconds layers_time{0};
};

class Model {
 public:
  // Packs the weights of `snapshot` for `kernels`; keeps `snapshot` for its tables. Never fails on a snapshot
  // that MappedSnapshot::Open gave out.
  Model(std::unique_ptr<const MappedSnapshot> mapped, const KernelSet& kernels);
  // The same over memory that the caller keeps alive for as long as the model (the trainer).
  Model(const Snapshot& snapshot, const KernelSet& kernels);

  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const Snapshot& snapshot() const { return *snapshot_; }
  const KernelSet& kernels() const { return *kernels_; }
  uint64_t fingerprint() const { return fingerprint_; }  // of the schema
  size_t heads() const { return snapshot_->heads.size(); }

  // See MappedSnapshot; of a snapshot in memory always false, and MarkDamaged does nothing. Any thread. Ask
  // after Score: false then says that its probabilities came from what was verified.
  bool damaged() const { return mapped_ != nullptr && mapped_->damaged(); }
  void MarkDamaged() const {
    if (mapped_ != nullptr) mapped_->MarkDamaged();
  }

  // Scores the candidates of all impressions, or the slices of them, in one forward pass. The columns must
  // have passed CheckColumns. probabilities: [Rows() of all impressions, in order][heads], calibrated. A
  // row's result does not depend on what else is in the batch, bit for bit.
  void Score(std::span<const Impression> impressions, ScoreScratch* scratch, float* probabilities) const;

  // Replays the golden rows: the largest |difference| to the trainer's probabilities, in any row and head. 0
  // if there are no golden rows.
  float GoldenError() const;

 private:
  void Prepare();
  // The context's share of the first layer, for every impression.
  void ShareContexts(std::span<const Impression> impressions, ScoreScratch* scratch) const;
  // From `rows` rows that lie encoded in scratch->input to their probabilities.
  void ScoreBlock(size_t rows, size_t impressions, ScoreScratch* scratch, float* probabilities) const;

  std::unique_ptr<const MappedSnapshot> mapped_;  // null if the caller owns the snapshot
  const Snapshot* snapshot_;
  const KernelSet* kernels_;
  uint64_t fingerprint_ = 0;
  RowEncoder context_;
  RowEncoder candidates_;
  bool context_apart_ = false;  // the context has a part of the input, and a hidden layer to add its share to
  size_t member_stride_ = 0;    // floats from one member's input to the next one's, of the same row
  size_t input_stride_ = 0;     // floats from one row of scratch->input to the next
  std::vector<ForwardPass> members_;  // at least one, set by Prepare; alike in shape
  // [block of rows][heads]: every row's calibrators, so that the last step runs over rows and heads as they
  // lie.
  std::vector<double> calibrator_slope_;
  std::vector<double> calibrator_offset_;
  std::vector<size_t> bent_heads_;  // whose calibrators have knots: LogOdds, and 1 and 0 in the two above
};

// The naive forward pass that every kernel is tested against: double accumulation, no packing, one row at a
// time. `context` and `candidates` have the same number of rows: row i is an impression with one candidate.
// probabilities: [rows][heads].
void ReferenceScore(const Snapshot& snapshot, const RawColumns& context, const RawColumns& candidates,
                    float* probabilities);

}  // namespace adscore::model
