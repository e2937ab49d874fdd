// Fits the encoders (model/encoding.h) to the training rows: scales and bins of numbers, vocabularies of
// tokens and their statistics.
//
// Not thread-safe; the result is constant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "model/encoding.h"
#include "trainer/dataset.h"
#include "trainer/target_statistics.h"

namespace adscore::trainer {

class WarmStart;

struct EncoderOptions {
  size_t bins = 20;           // per numeric feature, at most
  size_t minimum_count = 10;  // rows that a token must be in to get an embedding of its own
  size_t embedding_dim = 8;
  // Rows that a token must be in to get statistics of its own; rarer ones count as never seen.
  size_t statistics_minimum_count = 1;
  // Different tokens of a feature that one row has, at most: with more of them, which are most of a long
  // log's and would be most of the snapshot, they count as never seen.
  size_t most_single_tokens = 1 << 18;
  // Tokens of a feature that have entries of their own, at most, where its schema does not say; those beyond
  // share hashed buckets, half as many.
  size_t max_vocabulary = 1'000'000;
  // Different tokens to count at once, about 35 bytes each; more take more passes. Says nothing about the
  // result.
  size_t counted_at_once = 4 << 20;
  // Go on from here: bins and scales stay, tokens keep what was known of them, and the old counts, aged, are
  // added to the new ones. Null: begin anew.
  const WarmStart* warm_start = nullptr;
};

// The encodings of all features and the memory that they view. embedding.rows and .dim are set, its values
// are not yet: those are learnt.
struct FittedEncoders {
  FittedEncoders() = default;
  FittedEncoders(FittedEncoders&&) = default;  // a vector's memory stays where it is when the vector moves
  FittedEncoders& operator=(FittedEncoders&&) = default;

  // Gives back the memory that only encoding training rows takes: what is left is what a snapshot has.
  void ForgetFolds();

  std::vector<model::FeatureEncoding> encodings;  // one per feature, in schema order; then one per cross
  std::vector<model::VocabularySlots> slots;      // likewise
  std::vector<std::optional<TokenStatistics>> statistics;  // likewise: of features with a vocabulary
  // Likewise, after a warm start: the snapshot's row of each row of the embedding. Empty: the same row.
  std::vector<std::vector<uint32_t>> previous_ids;
  std::vector<uint8_t> folds;  // [rows of the data]: see target_statistics.h
};

// Looks at `training` rows only, so that nothing of the other rows leaks into the encoders. Tokens get their
// ids by falling count, so that the rows of the frequent ones lie together. Reads the cells of one feature at
// a time; the errors are those of reading a cache.
absl::StatusOr<FittedEncoders> FitEncoders(const Dataset& data, std::span<const uint32_t> training,
                                           const EncoderOptions& options);

}  // namespace adscore::trainer
