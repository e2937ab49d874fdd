#include "trainer/batch_ids.h"

namespace adscore::trainer {

void BatchIds::Begin() {
  for (const uint32_t id : ids_) place_of_id_[id] = kNone;
  ids_.clear();
  by_row_.clear();
  row_begin_.assign(1, 0);
}

void BatchIds::End() {
  // A counting sort: two steps ahead, then one, and in the end each place begins where it should.
  place_begin_.assign(ids_.size() + 2, 0);
  for (const Use& use : by_row_) ++place_begin_[use.at + 2];
  for (size_t place = 2; place < place_begin_.size(); ++place) place_begin_[place] += place_begin_[place - 1];
  by_place_.resize(by_row_.size());
  for (uint32_t r = 0; r + 1 < row_begin_.size(); ++r) {
    for (const Use& use : OfRow(r)) by_place_[place_begin_[use.at + 1]++] = {r, use.factor};
  }
}

}  // namespace adscore::trainer
