#include "trainer/row_sums.h"

#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <vector>

#include "trainer/random.h"

namespace adscore::trainer {
namespace {

// Widths below, at and beyond a vector and eight of them; none but those columns are written.
TEST(RowSumsTest, AddsUpWeightedRowsOfEachList) {
  Random random(3);
  constexpr size_t kRows = 7, kApart = 3;  // numbers between rows that do not belong to any
  const std::vector<uint32_t> begin = {0, 0, 1, 6, 8};
  const std::vector<WeightedRow> uses = {{3, 0.5F},  {6, 1}, {0, 2}, {6, -1},
                                         {1, 0.25F}, {2, 3}, {5, 1}, {5, 1}};
  for (const size_t columns : {1U, 3U, 8U, 16U, 31U, 64U, 80U, 100U, 129U, 400U}) {
    const size_t stride = columns + kApart;
    std::vector<float> values(kRows * stride), bias(columns);
    for (float& value : values) value = static_cast<float>(random.Normal());
    for (float& value : bias) value = static_cast<float>(random.Normal());
    for (const float* first : std::initializer_list<const float*>{bias.data(), nullptr}) {
      const RowLists lists = {begin, uses.data()};
      std::vector<float> sums(lists.size() * stride, 7);
      SumRows(lists, first, values.data(), stride, columns, sums.data(), stride);
      for (size_t i = 0; i < lists.size(); ++i) {
        for (size_t c = 0; c < columns; ++c) {
          double expected = first == nullptr ? 0 : first[c];
          for (size_t use = begin[i]; use < begin[i + 1]; ++use) {
            expected += static_cast<double>(uses[use].factor) * values[uses[use].at * stride + c];
          }
          EXPECT_NEAR(sums[i * stride + c], expected, 1e-5) << columns << " columns, column " << c;
        }
        for (size_t c = columns; c < stride; ++c) EXPECT_EQ(sums[i * stride + c], 7);
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
