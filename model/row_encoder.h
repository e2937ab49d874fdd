// Turns rows of raw columns into one role's part of the networks' input vectors, as encoding.h lays them out.
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
  std::vector<uint32_t> ids;        // [categorical features][rows of a step]
  std::vector<uint64_t> values[2];  // of a row's two features that are crossed
  std::vector<uint64_t> tokens;     // of a row's cross
};

// Where encoded rows go: row r of member m begins at to + r * stride + m * member_stride.
struct InputRows {
  float* to = nullptr;
  size_t stride = 0;
  size_t member_stride = 0;

  InputRows From(size_t row) const { return {to + row * stride, stride, member_stride}; }
};

class RowEncoder {
 public:
  // For the features of `role`. Keeps pointers into `snapshot`.
  RowEncoder(const Snapshot& snapshot, FeatureRole role);

  // Floats of a row, in the input vector of one member.
  size_t width() const { return width_; }

  // Before the first Encode of some columns: finds where each multi-valued feature's values begin for row
  // `first`, which takes a pass over all counts.
  void Seek(const RawColumns& columns, size_t first, EncodeScratch* scratch) const;

  // Encodes rows [first, first + count): `first` is where Seek or the Encode before left off. For candidates,
  // `context` is their impression's: one row, which they may be crossed with. For contexts it is not looked
  // at.
  void Encode(const RawColumns& columns, const RawColumns& context, size_t first, size_t count,
              EncodeScratch* scratch, const InputRows& to) const;

 private:
  // A feature as Encode needs it: which column to read and where its numbers go.
  struct Slot {
    const Feature* feature;
    const FeatureEncoding* encoding;
    size_t column;  // index among the role's features of this kind
    size_t offset;  // of its first float in a row
    size_t dim;     // of its embedding, for one member
  };

  // A feature that is crossed.
  struct Operand {
    const Feature* feature;
    const FeatureEncoding* encoding;
    size_t column;  // index among its role's features of its kind
    bool context;   // it is the context's, of candidates' rows
  };
  struct CrossSlot {
    Slot slot;  // where it goes; there is no column
    CrossKind kind;
    bool list;
    Operand operands[2];
  };

  // Ask the processor for what is looked up soon, unless it is in a cache anyway.
  void PrefetchToken(const FeatureEncoding& encoding, uint64_t token) const;
  void PrefetchId(const FeatureEncoding& encoding, uint32_t id) const;
  void EncodeNumbers(const RawColumns& columns, size_t first, size_t count, const InputRows& to) const;
  void EncodeCategorical(const RawColumns& columns, size_t first, size_t count, uint32_t* ids,
                         const InputRows& to) const;
  // The embedding and the statistics of one token, or of kMissingId, for every member.
  void CopyId(const Slot& slot, uint32_t id, const InputRows& to) const;
  // A cross of rows [first, first + count); `scratch` is where Seek or the last rows' lists left it.
  void EncodeCross(const CrossSlot& cross, const RawColumns& columns, const RawColumns& context, size_t first,
                   size_t count, EncodeScratch* scratch, const InputRows& to) const;
  // The mean over the tokens.
  void EncodeMulti(const Slot& slot, std::span<const uint64_t> tokens, const InputRows& to) const;

  std::vector<Slot> slots_[3];  // by FeatureKind
  std::vector<CrossSlot> crosses_;
  size_t members_;
  size_t width_ = 0;
  size_t table_bytes_ = 0;  // of all that is looked up
};

}  // namespace adscore::model
