#include "trainer/batch_ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace adscore::trainer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::pair<uint32_t, float>> Pairs(std::span<const BatchIds::Use> uses) {
  std::vector<std::pair<uint32_t, float>> pairs;
  for (const BatchIds::Use& use : uses) pairs.emplace_back(use.at, use.factor);
  return pairs;
}

TEST(BatchIdsTest, HasEachIdOnceAndFindsItFromRowsAndRowsFromIt) {
  BatchIds batch(10);
  batch.Begin();
  batch.Add(7, 1);
  batch.EndRow();
  batch.EndRow();  // a row without any
  batch.Add(2, 0.5F);
  batch.Add(7, 0.25F);
  batch.Add(2, 0.25F);  // twice in one list
  batch.EndRow();
  batch.End();
  EXPECT_THAT(batch.ids(), ElementsAre(7, 2));
  EXPECT_THAT(Pairs(batch.OfRow(0)), ElementsAre(std::pair(0U, 1.0F)));
  EXPECT_THAT(Pairs(batch.OfRow(1)), IsEmpty());
  EXPECT_THAT(Pairs(batch.OfRow(2)),
              ElementsAre(std::pair(1U, 0.5F), std::pair(0U, 0.25F), std::pair(1U, 0.25F)));
  EXPECT_THAT(Pairs(batch.OfPlace(0)), ElementsAre(std::pair(0U, 1.0F), std::pair(2U, 0.25F)));
  EXPECT_THAT(Pairs(batch.OfPlace(1)), ElementsAre(std::pair(2U, 0.5F), std::pair(2U, 0.25F)));
}

TEST(BatchIdsTest, ForgetsTheBatchBefore) {
  BatchIds batch(10);
  for (const uint32_t id : {3U, 9U}) {
    batch.Begin();
    batch.Add(id, 1);
    batch.EndRow();
    batch.End();
    EXPECT_THAT(batch.ids(), ElementsAre(id));
    EXPECT_THAT(Pairs(batch.OfRow(0)), ElementsAre(std::pair(0U, 1.0F)));
    EXPECT_THAT(Pairs(batch.OfPlace(0)), ElementsAre(std::pair(0U, 1.0F)));
  }
}

}  // namespace
}  // namespace adscore::trainer
