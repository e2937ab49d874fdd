// A small snapshot with random weights and every kind of feature, for tests that need a model and not a good
// one.
//
// Not thread-safe while it is built; constant afterwards.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "model/snapshot.h"

namespace adscore::model::testing {

struct TinyOptions {
  size_t members = 1;   // networks of an ensemble
  bool context = true;  // has context features beside the candidates'
  // Crosses of every shape: of context features, of candidates', of both; of numbers, tokens and lists.
  bool crosses = false;
  bool buckets = false;  // unknown sites, ads and tags are taken for buckets, of which one is there
  std::vector<size_t> hidden = {8, 4};
  std::vector<Activation> activations = {};  // of the hidden layers, in turn; none: ReLU
  bool flags = true;                         // numeric features say that they are missing
  std::vector<std::string> heads = {"click", "conversion"};
  bool bent = false;     // calibrators have curves
  bool chained = false;  // each head but the first one follows the one before it
  size_t golden_rows = 8;
  uint64_t seed = 1;  // another seed: the same schema with other weights
};

// Features: context "hour" (numeric, binned), "site" (categorical), "interests" (multi-valued); candidates
// "bid" (numeric, signed log1p, no bins), "ad" (categorical), "tags" (multi-valued). Tokens "site0"…"site9",
// "ad0"…"ad9", "tag0"…"tag9" are in the vocabularies.
class TinySnapshot {
 public:
  explicit TinySnapshot(const TinyOptions& options = {});

  const Snapshot& snapshot() const { return snapshot_; }
  // For tests that spoil it: the caller may change it, the memory stays here.
  Snapshot& mutable_snapshot() { return snapshot_; }
  // What the reference makes of the golden rows now: after a change that is no spoiling.
  void RefreshGoldenRows();

  // Writes ROOT/NAME/VERSION/snapshot, by one rename. Dies on failure.
  void Publish(const std::string& root, const std::string& name, int64_t version) const;

 private:
  std::span<const float> Random(size_t count, float scale);
  void AddCrosses(size_t dim);

  uint64_t state_;
  std::deque<std::vector<float>>
      floats_;  // what the snapshot's spans point to; a deque never moves its elements
  std::deque<VocabularySlots> vocabularies_;
  std::vector<float> golden_numeric_[2];
  std::vector<uint64_t> golden_categorical_[2];
  std::vector<uint32_t> golden_count_[2];
  std::vector<uint64_t> golden_multi_[2];
  std::vector<float> golden_probabilities_;
  Snapshot snapshot_;
};

// Random raw columns of one role, with their storage: numbers, missing ones, known and unknown tokens.
struct RandomColumns {
  RandomColumns(const Schema& schema, FeatureRole role, size_t rows, uint64_t seed);
  RandomColumns(const RandomColumns&) = delete;
  RandomColumns& operator=(const RandomColumns&) = delete;

  std::vector<float> numeric;
  std::vector<uint64_t> categorical;
  std::vector<uint32_t> multi_count;
  std::vector<uint64_t> multi;
  RawColumns columns;
};

}  // namespace adscore::model::testing
