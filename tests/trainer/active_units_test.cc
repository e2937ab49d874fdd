#include "trainer/active_units.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace adscore::trainer {
namespace {

// Unit u of 50 is on in every (u + 1)-th of 150 rows.
std::vector<float> Outputs(size_t rows, size_t units) {
  std::vector<float> outputs(rows * units);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t u = 0; u < units; ++u) outputs[r * units + u] = r % (u + 1) == 0 ? 1.0F : 0.0F;
  }
  return outputs;
}

TEST(ActiveUnitsTest, DealsOutUnitsThatAreOnAlikeOften) {
  constexpr size_t kRows = 150, kUnits = 50, kParts = 2;
  const std::vector<float> outputs = Outputs(kRows, kUnits);
  ActiveUnits active(kUnits, kParts);
  active.Reserve(kRows);
  active.Find(outputs.data(), 64, kRows);
  active.Find(outputs.data(), 0, 64);
  EXPECT_EQ(active.OfRows(1).Word(0, 0), 0b1U);       // 1 is a multiple of 1 alone
  EXPECT_EQ(active.OfRows(6).Word(0, 0), 0b100111U);  // 6 is one of 1, 2, 3 and 6
  EXPECT_EQ(active.OfUnits(64).Word(31, 0),
            1U | uint64_t{1} << 32);  // 64 and 96, of the rows from 64 to 127, are ones of 32
  active.Sort(kRows);
  // Twenty together, in turn: 0 to 19 and 40 to 49 for the first part, 20 to 39 for the second.
  EXPECT_EQ(active.Part(0), (std::pair<size_t, size_t>(0, 30)));
  EXPECT_EQ(active.Part(1), (std::pair<size_t, size_t>(30, 50)));
  std::vector<uint32_t> order = active.order();
  EXPECT_EQ(order[0], 0U);
  EXPECT_EQ(order[19], 19U);
  EXPECT_EQ(order[30], 20U);
  std::sort(order.begin(), order.end());
  for (uint32_t unit = 0; unit < kUnits; ++unit) EXPECT_EQ(order[unit], unit);
}

}  // namespace
}  // namespace adscore::trainer
