// Going on from a published snapshot with newer rows: what it knows of each token, how much of that still
// counts, and the weights to start from. Everything comes out of the snapshot itself: the target statistics
// (target_statistics.h) are the counts in another form.
//
// Thread-safe: constant after construction.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/snapshot.h"
#include "trainer/encoded_rows.h"
#include "trainer/parameters.h"

namespace adscore::trainer {

// What a snapshot counted of one token, aged.
struct PastToken {
  uint64_t token = 0;
  uint32_t embedding_id = 0;  // model::kUnknownId: it has none of its own
  double rows = 0;
  std::vector<double> positives;  // [heads]
};

class WarmStart {
 public:
  // The share of the old counts that still counts once there are new ones. A token that has not been seen for
  // several increments fades, and is forgotten in the end (token_counting.cc).
  static constexpr double kKept = 0.97;

  // The snapshot must outlive the object. InvalidArgument if its features have no target statistics, as those
  // of another maker may not.
  static absl::StatusOr<WarmStart> From(const model::Snapshot& snapshot, double kept = kKept);

  const model::Snapshot& snapshot() const { return *snapshot_; }
  size_t embedding_dim() const;  // of a member
  std::vector<size_t> hidden() const;

  // The tokens of feature `f`'s vocabulary, in no order.
  std::vector<PastToken> Tokens(size_t f) const;
  // The same of the rows without a token.
  PastToken Missing(size_t f) const;
  // Rows that the counts are of, aged, and each head's share of positives among them.
  double rows() const { return rows_; }
  double BaseRate(size_t head) const { return snapshot_->heads[head].base_rate; }

  // A member's weights, in the shape of `layout`. `previous_ids` has for each feature the old row of each row
  // of the embedding; empty: the same.
  Parameters ParametersOf(size_t member, const InputLayout& layout,
                          std::span<const std::vector<uint32_t>> previous_ids) const;

 private:
  WarmStart(const model::Snapshot& snapshot, double kept) : snapshot_(&snapshot), kept_(kept) {}
  PastToken Counted(size_t f, uint32_t id) const;

  const model::Snapshot* snapshot_;
  double kept_;
  double rows_ = 0;
};

}  // namespace adscore::trainer
