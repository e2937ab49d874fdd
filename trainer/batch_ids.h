// Which rows of one field's embedding table a batch needs: each id once, however many of the batch's rows
// have it. What depends on the id alone is then computed once per id and not once per row.
//
// Not thread-safe: one worker per field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "trainer/row_sums.h"

namespace adscore::trainer {

class BatchIds {
 public:
  // An id's place among those of the batch, or a row's among its rows, and what its embedding is multiplied
  // by.
  using Use = WeightedRow;

  // Of a table with so many ids.
  explicit BatchIds(size_t ids) : place_of_id_(ids, kNone) {}

  // Begins a batch, in time proportional to the last one. Then, for each of its rows in turn: Add its ids,
  // and EndRow. Then End.
  void Begin();
  void Add(uint32_t id, float factor) {
    uint32_t& place = place_of_id_[id];
    if (place == kNone) {
      place = static_cast<uint32_t>(ids_.size());
      ids_.push_back(id);
    }
    by_row_.push_back({place, factor});
  }
  // Instead of all these, for a batch whose rows have one of `ids` each, or none where it is `none`.
  void AddEach(std::span<const uint32_t> ids, uint32_t none, float factor);
  void EndRow() { row_begin_.push_back(static_cast<uint32_t>(by_row_.size())); }
  void End();

  // In the order in which the batch first has them.
  std::span<const uint32_t> ids() const { return ids_; }
  // The places of the ids that row `r` of the batch has.
  std::span<const Use> OfRow(size_t r) const { return Part(by_row_, row_begin_, r); }
  // The rows of the batch that have the id at `place`, in their order.
  std::span<const Use> OfPlace(size_t place) const { return Part(by_place_, place_begin_, place); }
  // Of all of its ids.
  RowLists by_place() const { return {std::span(place_begin_).first(ids_.size() + 1), by_place_.data()}; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  static std::span<const Use> Part(const std::vector<Use>& uses, const std::vector<uint32_t>& begin,
                                   size_t i) {
    return std::span<const Use>(uses).subspan(begin[i], begin[i + 1] - begin[i]);
  }
  std::vector<uint32_t> place_of_id_;
  std::vector<uint32_t> ids_;
  std::vector<Use> by_row_;
  std::vector<uint32_t> row_begin_;  // [rows] + 1, into by_row_
  std::vector<Use> by_place_;
  std::vector<uint32_t> place_begin_;  // [ids] + 1, into by_place_
};

}  // namespace adscore::trainer
