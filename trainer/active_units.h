// Which units of a hidden layer are on in which rows of a batch, for products that pass over those that are
// off (sparse_product.h).
//
// Not thread-safe, but that different blocks of rows may be looked at at the same time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "trainer/sparse_product.h"

namespace adscore::trainer {

class ActiveUnits {
 public:
  // Of a layer with so many units, whose order is dealt out in so many parts.
  ActiveUnits(size_t units, size_t parts) : units_(units), parts_(parts) {}

  // Room for batches of so many rows.
  void Reserve(size_t rows);

  // outputs: [rows][units], the layer's. Rows [first, last): whole blocks of kActiveBits, but for the last
  // one.
  void Find(const float* outputs, size_t first, size_t last);
  // SparseProduct::active of the rows from `row` on; and of their transpose, where `row` begins a block.
  ActiveBits OfRows(size_t row) const {
    return {by_row_.data() + row * ActiveWords(units_), ActiveWords(units_), 1};
  }
  ActiveBits OfUnits(size_t row) const { return {by_unit_.data() + row / kActiveBits * units_, 1, units_}; }

  // After the batch's first `rows` rows were found: orders the units such that those next to each other are
  // on in about as many rows, since such units are off in the same ones more often than others, and that each
  // part has as many of each kind.
  void Sort(size_t rows);
  const std::vector<uint32_t>& order() const { return order_; }
  // The part's places in order(), as [first, last); there may be none.
  std::pair<size_t, size_t> Part(size_t part) const;

 private:
  size_t units_;
  size_t parts_;
  std::vector<uint64_t> by_row_;   // [rows][words]
  std::vector<uint64_t> by_unit_;  // [blocks of rows][units]
  std::vector<uint32_t> order_;    // [units]
};

}  // namespace adscore::trainer
