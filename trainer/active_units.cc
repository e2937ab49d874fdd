#include "trainer/active_units.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace adscore::trainer {
namespace {

constexpr size_t kUnitsTogether = 20;  // whole tiles of sparse_product.cc

// Calls task(first, count) for the part's units among those that are sorted: every so many, some together.
template <typename Task>
void ForEachRun(size_t units, size_t parts, size_t part, const Task& task) {
  for (size_t unit = part * kUnitsTogether; unit < units; unit += parts * kUnitsTogether) {
    task(unit, std::min(kUnitsTogether, units - unit));
  }
}

}  // namespace

void ActiveUnits::Reserve(size_t rows) {
  const size_t blocks = (rows + kActiveBits - 1) / kActiveBits;
  by_row_.resize(std::max(by_row_.size(), rows * ActiveWords(units_)));
  by_unit_.resize(std::max(by_unit_.size(), blocks * units_));
}

void ActiveUnits::Find(const float* outputs, size_t first, size_t last) {
  for (; first < last; first += kActiveBits) {
    FindActive(outputs + first * units_, std::min(kActiveBits, last - first), units_,
               by_row_.data() + first * ActiveWords(units_), by_unit_.data() + first / kActiveBits * units_);
  }
}

void ActiveUnits::Sort(size_t rows) {
  std::vector<int> times(units_, 0);
  for (size_t first = 0; first < rows; first += kActiveBits) {
    const ActiveBits active = OfUnits(first);
    for (size_t unit = 0; unit < units_; ++unit) times[unit] += std::popcount(active.Word(unit, 0));
  }
  std::vector<uint32_t> sorted(units_);
  std::iota(sorted.begin(), sorted.end(), 0U);
  std::stable_sort(sorted.begin(), sorted.end(), [&](uint32_t a, uint32_t b) { return times[a] > times[b]; });
  order_.clear();
  for (size_t part = 0; part < parts_; ++part) {
    ForEachRun(units_, parts_, part, [&](size_t first, size_t count) {
      order_.insert(order_.end(), sorted.data() + first, sorted.data() + first + count);
    });
  }
}

std::pair<size_t, size_t> ActiveUnits::Part(size_t part) const {
  size_t first = 0;
  size_t last = 0;
  for (size_t i = 0; i <= part; ++i) {
    first = last;
    ForEachRun(units_, parts_, i, [&](size_t /*first*/, size_t count) { last += count; });
  }
  return {first, last};
}

}  // namespace adscore::trainer
