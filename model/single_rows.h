// Turns columns of many rows into impressions with one candidate each: what a log is, and what golden rows
// are.
//
// Not thread-safe: one owner per object.
#pragma once

#include <span>
#include <vector>

#include "model/raw_columns.h"
#include "model/schema.h"

namespace adscore::model {

class SingleRows {
 public:
  // Row i of `context` and row i of `candidates` become impression i. Copies the values, and keeps its memory
  // for the next call. The result is valid until then. Both must have the same number of rows and have passed
  // CheckColumns.
  std::span<const Impression> Split(const Schema& schema, const RawColumns& context,
                                    const RawColumns& candidates);

 private:
  struct Part {
    std::vector<float> numeric;
    std::vector<uint64_t> categorical;
    std::vector<uint32_t> multi_count;
    std::vector<uint64_t> multi;
  };
  Part context_;
  Part candidates_;
  std::vector<Impression> impressions_;
};

}  // namespace adscore::model
