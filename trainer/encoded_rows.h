// A data set after encoding: what the network is trained on. Encoded once; an epoch reads it many times.
//
// Thread-safe: pure functions; what they return is constant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/encoding.h"
#include "trainer/dataset.h"
#include "trainer/encoder_fitting.h"
#include "trainer/huge_pages.h"

namespace adscore::trainer {

// Where a feature lies in the network's input vector (model/encoding.h says what is there).
struct InputField {
  size_t feature = 0;  // in the order of the encodings: the schema's features, then its crosses
  model::FeatureKind kind = model::FeatureKind::kNumeric;
  size_t column = 0;             // which of its kind, in the order of the fields
  size_t offset = 0;             // first float in the input vector
  size_t embedding_offset = 0;   // first float of its embedding
  size_t dim = 0;                // floats of its embedding
  size_t linear = 0;             // weights of the linear part; they follow the embedding in its table
  size_t ids = 0;                // rows of its embedding table
  size_t statistics = 0;         // numbers of its statistics; they follow the embedding
  size_t statistics_column = 0;  // the first of them in EncodedRows::statistics

  size_t RowFloats() const { return dim + linear; }  // of a row of its table
};

struct InputLayout {
  std::vector<InputField> fields;  // the context's, then the candidate's, each in the order of the encodings
  size_t width = 0;                // floats of the input vector
  size_t numeric = 0;              // fields of each kind
  size_t categorical = 0;
  size_t multi = 0;
  size_t statistics = 0;  // numbers of all fields' statistics
  size_t linear = 0;      // each field's: one per head, or 0 without a linear part (linear_part.h)
};

// `linear`: heads that have a linear part.
InputLayout LayOutInput(const model::Schema& schema, std::span<const model::FeatureEncoding> encodings,
                        size_t linear = 0);

// The places in the input vector that no embedding has, ascending: numbers, flags and statistics.
std::vector<uint32_t> PlainInputs(const InputLayout& layout);

struct EncodedRows {
  size_t rows = 0;
  size_t heads = 0;
  HugeVector<model::EncodedNumber> numbers;  // [rows][numeric fields]
  HugeVector<uint32_t> ids;                  // [rows][categorical fields]
  std::vector<uint64_t> multi_begin;         // [rows][multi-valued fields] + 1, into multi_ids
  std::vector<uint32_t> multi_ids;           // a missing list is the one id kMissingId
  HugeVector<float> statistics;              // [rows][layout's statistics]
  std::vector<uint8_t> labels;               // [rows][heads]
  std::vector<float> weights;                // [rows]; empty: 1 for each

  // No rows; the memory is kept.
  void Clear();
  // Memory for so many rows, and for one value in each list.
  void Reserve(size_t count, const InputLayout& layout, size_t label_heads);
};

// Encodes `rows` of `block`, a data set in memory, and adds them to `encoded`. Ids are rows of the embedding
// tables. The statistics of a training row leave its own fold out. Row i of `block` is row begin + i of the
// data set that `encoders` were fitted to and that has `labels` ([heads][rows]) and `weights`, if any.
void AppendEncoded(const Dataset& block, std::span<const uint32_t> rows, size_t begin,
                   const std::vector<std::vector<uint8_t>>& labels, const InputLayout& layout,
                   const FittedEncoders& encoders, EncodedRows* encoded, std::span<const float> weights = {});

}  // namespace adscore::trainer
