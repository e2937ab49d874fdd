#include "trainer/row_sums.h"

#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <vector>

#include "trainer/random.h"

namespace adscore::trainer {
namespace {

// Widths below, at and beyond a vector and eight of them; none but those columns are written.
TEST(RowSumsTest, AddsUpWeightedRows) {
  Random random(3);
  for (const size_t columns : {1U, 3U, 8U, 16U, 31U, 64U, 100U, 129U, 400U}) {
    for (const size_t count : {0U, 1U, 5U}) {
      std::vector<std::vector<float>> values(count + 1, std::vector<float>(columns));
      for (auto& row : values) {
        for (float& value : row) value = static_cast<float>(random.Normal());
      }
      std::vector<WeightedRow> rows;
      for (size_t i = 0; i < count; ++i) rows.push_back({values[i].data(), 0.5F + static_cast<float>(i)});
      for (const float* first : std::initializer_list<const float*>{values.back().data(), nullptr}) {
        std::vector<float> sums(columns + 1, 7);
        SumRows(first, rows, columns, sums.data());
        for (size_t c = 0; c < columns; ++c) {
          double expected = first == nullptr ? 0 : first[c];
          for (const WeightedRow& row : rows) expected += static_cast<double>(row.weight) * row.values[c];
          EXPECT_NEAR(sums[c], expected, 1e-5) << columns << " columns, column " << c;
        }
        EXPECT_EQ(sums[columns], 7);
      }
    }
  }
}

TEST(RowSumsTest, WhatWasOffPassesNothingBack) {
  for (const size_t count : {1U, 16U, 37U}) {
    std::vector<float> outputs(count), deltas(count + 1, 3.0F);
    for (size_t i = 0; i < count; ++i) outputs[i] = static_cast<float>(i % 3) - 1;  // -1, 0 and 1
    PassBack(outputs.data(), 2.0F, count, deltas.data());
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(deltas[i], outputs[i] > 0 ? 6.0F : 0.0F) << i;
    EXPECT_EQ(deltas[count], 3.0F);
  }
}

}  // namespace
}  // namespace adscore::trainer
