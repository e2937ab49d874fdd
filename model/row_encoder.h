// Turns rows of raw columns into one role's part of the network's input vector, as encoding.h lays it out.
//
// RowEncoder is constant after construction and shared by threads; each thread brings its own EncodeScratch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/encoding.h"
#include "model/raw_columns.h"
#include "model/snapshot.h"

namespace adscore::model {

// Working memory of RowEncoder: grows to what its features need, then allocates no more.
struct EncodeScratch {
  // Per multi-valued feature: where the values of the next row begin in RawColumns::multi.
  std::vector<size_t> next_value;
  std::vector<uint32_t> ids;  // [categorical features][rows of a step]
};

class RowEncoder {
 public:
  // For the features of `role`. Keeps pointers into `snapshot`.
  RowEncoder(const Snapshot& snapshot, FeatureRole role);

  // Floats of a row.
  size_t width() const { return width_; }

  // Before the first Encode of some columns: finds where each multi-valued feature's values begin for row
  // `first`, which takes a pass over all counts.
  void Seek(const RawColumns& columns, size_t first, EncodeScratch* scratch) const;

  // Encodes rows [first, first + count) to `input`, `stride` floats from one row to the next. `first` is
  // where Seek or the Encode before left off.
  void Encode(const RawColumns& columns, size_t first, size_t count, EncodeScratch* scratch, float* input,
              size_t stride) const;

 private:
  // A feature as Encode needs it: which column to read and where its numbers go.
  struct Slot {
    const Feature* feature;
    const FeatureEncoding* encoding;
    size_t column;  // index among the role's features of this kind
    size_t offset;  // of its first float in a row
  };

  void EncodeCategorical(const RawColumns& columns, size_t first, size_t count, uint32_t* ids, float* input,
                         size_t stride) const;

  std::vector<Slot> slots_[3];  // by FeatureKind
  size_t width_ = 0;
};

}  // namespace adscore::model
