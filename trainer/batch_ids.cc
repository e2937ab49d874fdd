#include "trainer/batch_ids.h"

namespace adscore::trainer {

void BatchIds::Begin() {
  for (const uint32_t id : ids_) place_of_id_[id] = kNone;
  ids_.clear();
  by_row_.clear();
  row_begin_.assign(1, 0);
}

void BatchIds::AddEach(std::span<const uint32_t> ids, uint32_t none, float factor) {
  by_row_.resize(ids.size());
  row_begin_.resize(ids.size() + 1);
  uint32_t used = 0;
  for (size_t r = 0; r < ids.size(); ++r) {
    if (const uint32_t id = ids[r]; id != none) {
      uint32_t& place = place_of_id_[id];
      if (place == kNone) {
        place = static_cast<uint32_t>(ids_.size());
        ids_.push_back(id);
      }
      by_row_[used++] = {place, factor};
    }
    row_begin_[r + 1] = used;
  }
  by_row_.resize(used);
}

void BatchIds::End() {
  // A counting sort: two steps ahead, then one, and in the end each place begins where it should.
  place_begin_.assign(ids_.size() + 2, 0);
  for (const Use& use : by_row_) ++place_begin_[use.at + 2];
  for (size_t place = 2; place < place_begin_.size(); ++place) place_begin_[place] += place_begin_[place - 1];
  by_place_.resize(by_row_.size());
  const Use* use = by_row_.data();
  for (uint32_t r = 0; r + 1 < row_begin_.size(); ++r) {
    for (const Use* const end = by_row_.data() + row_begin_[r + 1]; use != end; ++use) {
      by_place_[place_begin_[use->at + 1]++] = {r, use->factor};
    }
  }
}

}  // namespace adscore::trainer
