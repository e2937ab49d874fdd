// Counts the tokens of a feature in the training rows, and decides which of them a vocabulary has: the
// frequent ones by themselves, and those beyond the largest size of a vocabulary in hashed buckets.
//
// Thread-safe: pure functions over constant data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "model/encoding.h"
#include "trainer/dataset.h"
#include "trainer/warm_start.h"

namespace adscore::trainer {

struct EncoderOptions;

// A feature, or a cross, whose tokens are counted.
struct TokenFeature {
  size_t index = 0;  // in the order of the encodings
  model::FeatureKind kind = model::FeatureKind::kCategorical;
  size_t max_vocabulary = 0;  // tokens that have entries of their own, at most
};

// By token: what a warm start knows of it. Empty without one.
using PastTokens = absl::flat_hash_map<uint64_t, PastToken>;

struct TokenCount {
  double count;  // rows: those from before, aged, and the new ones
  uint64_t token;
  uint32_t previous;  // row of the embedding from before; kUnknownId: none
  bool embedded;
};

struct KnownTokens {
  // In the order of their ids: those with an embedding of their own first, each kind by falling count. The
  // buckets are among them, as the tokens that stand for them (model::BucketToken).
  std::vector<TokenCount> tokens;
  uint64_t buckets = 0;  // 0: no token is beyond the vocabulary
};

// Calls visit(token) for each token of a row; none for a missing one.
template <typename Visit>
void ForEachToken(const Column& column, model::FeatureKind kind, size_t row, const Visit& visit) {
  if (kind == model::FeatureKind::kCategorical) {
    if (column.tokens[row] != 0) visit(column.tokens[row]);
    return;
  }
  const uint64_t begin = column.multi_begin[row];
  for (uint64_t i = begin; i < begin + column.multi_count[row]; ++i) visit(column.multi[i]);
}

// Looks at `training` rows. `encodings` has those of the features, for crosses; `buckets_before`: of the
// version that a warm start goes on from, which stay. The errors are those of reading a cache.
absl::StatusOr<KnownTokens> CountTokens(const Dataset& data, const TokenFeature& feature,
                                        std::span<const uint32_t> training,
                                        std::span<const model::FeatureEncoding> encodings,
                                        const EncoderOptions& options, const PastTokens& past,
                                        uint64_t buckets_before);

}  // namespace adscore::trainer
