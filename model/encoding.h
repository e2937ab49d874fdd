// What training fits to each feature, and how a raw value becomes numbers and embedding ids with it. The
// trainer encodes its rows and the server encodes its requests with these very functions: there is no other
// encoder.
//
// The input vector of a network has two parts, the context's and the candidate's. Each part has, for its
// features in schema order:
//   numeric             standardised value, missing flag, then the embedding of its bin (the latter two if
//                       it has them)
//   categorical         the embedding of its token, then its token's statistics (if it has them)
//   multi-valued        the mean of its tokens' embeddings, then the mean of their statistics
// and after them its crosses (cross.h), as what they come to, categorical or multi-valued. A cross of a
// context and a candidate feature belongs to the candidate's part. An ensemble's members are networks with an
// input vector each: they differ in the embeddings alone. A row of an embedding table holds all members'
// embeddings, one after another.
//
// Thread-safe: plain values and pure functions over constant data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/prefetch.h"
#include "model/schema.h"

namespace adscore::model {

// Embedding ids that mean the same in every table.
inline constexpr uint32_t kMissingId = 0;  // bins: no number; vocabularies: no token
inline constexpr uint32_t kUnknownId = 1;  // vocabularies only: rare in training, or never seen
inline constexpr uint32_t kFirstTokenId = 2;
inline constexpr uint32_t kFirstBinId = 1;

// Fitted to a numeric feature: z = (clamp(transform(x), low, high) - mean) * scale, everything after the
// transform.
struct NumericEncoding {
  float mean = 0;
  float scale = 1;  // 1 / standard deviation
  float low = 0;    // clamp, in transformed units
  float high = 0;
  // Whether a flag beside the value says that the number was missing. Models from elsewhere have none.
  bool flag = true;
  std::vector<float> edges;  // ascending, in transformed units: bin i holds edges[i-1] <= t < edges[i]

  bool operator==(const NumericEncoding&) const = default;
};

struct EncodedNumber {
  float value;    // standardised; for a missing one what the feature's MissingRule says, NaN if it refuses
  float missing;  // 1 if missing, otherwise 0
  uint32_t bin;   // kMissingId, or kFirstBinId + number of edges <= t
};

// `raw` is a float as it came, NaN = missing. Infinity must have been refused before.
EncodedNumber EncodeNumber(const Feature& feature, const NumericEncoding& encoding, float raw);

// The token that stands for a bucket in a vocabulary. Different buckets have different ones, none is 0, and
// their low bits, by which slots are found, are spread.
inline uint64_t BucketToken(uint64_t bucket) { return (bucket + 1) * 0x9E3779B97F4A7C15; }

// A vocabulary: token hash → embedding id, as an open-addressing hash table that works where it lies in a
// mapped file. Slot of a hash: the hash's low bits, then linear probing; key 0 marks an empty slot. At most
// half of the slots are taken, so that a probe ends.
//
// One that would be too large has buckets (K. Weinberger et al., 2009): a token that it does not have itself
// is taken for BucketToken(hash mod buckets), which is a token of the vocabulary like others.
class Vocabulary {
 public:
  Vocabulary() = default;
  // Views: `keys` and `ids` must outlive it and have the same power-of-two length (or both be empty). See
  // Check(). `buckets`: 0 for none.
  Vocabulary(std::span<const uint64_t> keys, std::span<const uint32_t> ids, uint64_t buckets = 0)
      : keys_(keys), ids_(ids), buckets_(buckets) {}

  // The token's id, or its bucket's; kMissingId for hash 0, kUnknownId for one that the vocabulary has
  // neither of.
  uint32_t Lookup(uint64_t hash) const {
    if (hash == 0) return kMissingId;
    const uint32_t id = Find(hash);
    return id == kUnknownId && buckets_ > 0 ? Find(BucketToken(hash % buckets_)) : id;
  }

  // Whether the token has an id that it shares with no bucket's others. `hash` is not 0.
  bool Contains(uint64_t hash) const { return Find(hash) != kUnknownId; }

  // Asks the processor for the memory where Lookup(hash) will begin.
  void Prefetch(uint64_t hash) const {
    if (keys_.empty()) return;
    PrefetchSlot(hash);
    if (buckets_ > 0) PrefetchSlot(BucketToken(hash % buckets_));
  }

  std::span<const uint64_t> keys() const { return keys_; }
  std::span<const uint32_t> ids() const { return ids_; }
  uint64_t buckets() const { return buckets_; }

 private:
  // kUnknownId if it is not there.
  uint32_t Find(uint64_t hash) const {
    if (keys_.empty()) return kUnknownId;
    const size_t mask = keys_.size() - 1;
    // Bounded all the same: a file that is written over while it is mapped must not hold up a serving loop.
    size_t slot = hash & mask;
    for (size_t probes = 0; probes <= mask; ++probes, slot = (slot + 1) & mask) {
      if (keys_[slot] == hash) return ids_[slot];
      if (keys_[slot] == 0) break;
    }
    return kUnknownId;
  }

  void PrefetchSlot(uint64_t hash) const {
    const size_t slot = hash & (keys_.size() - 1);
    PrefetchLine(keys_.data() + slot);
    PrefetchLine(ids_.data() + slot);
  }

  std::span<const uint64_t> keys_;
  std::span<const uint32_t> ids_;
  uint64_t buckets_ = 0;
};

// The slots of a vocabulary that gives `tokens[i]` the id kFirstTokenId + i. Tokens must be distinct and not
// 0.
struct VocabularySlots {
  std::vector<uint64_t> keys;
  std::vector<uint32_t> ids;
};
VocabularySlots BuildVocabulary(std::span<const uint64_t> tokens);

// Rows of `dim` floats, one per id.
struct EmbeddingTable {
  size_t rows = 0;
  size_t dim = 0;
  std::span<const float> values;  // [rows][dim]

  const float* Row(uint32_t id) const { return values.data() + id * dim; }

  // Asks the processor for the memory of a row.
  void Prefetch(uint32_t id) const { PrefetchLines(Row(id), dim * sizeof(float)); }
};

// All that was fitted to one feature. Views: the memory belongs to the trainer or to a mapped snapshot.
struct FeatureEncoding {
  NumericEncoding numeric;   // numeric features
  Vocabulary vocabulary;     // categorical and multi-valued features
  EmbeddingTable embedding;  // dim 0: a numeric feature without bins
  // What training counted for each token of a vocabulary, such as how often it was clicked: numbers that are
  // not learnt. dim 0: none. With them a vocabulary may be longer than the embedding: ids beyond its rows are
  // of tokens too rare for an embedding of their own, and share that of kUnknownId.
  EmbeddingTable statistics;

  // The row of `embedding` that belongs to an id of the vocabulary.
  uint32_t EmbeddingId(uint32_t id) const { return id < embedding.rows ? id : kUnknownId; }
  // The same of `statistics`: never beyond it, even if the mapped file was written over.
  uint32_t StatisticsId(uint32_t id) const { return id < statistics.rows ? id : kUnknownId; }
};

// Floats that the feature adds to its part of the input vector of each of `members` networks.
size_t InputWidth(const Feature& feature, const FeatureEncoding& encoding, size_t members);

}  // namespace adscore::model
