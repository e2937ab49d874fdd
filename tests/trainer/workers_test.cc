#include "trainer/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace adscore::trainer {
namespace {

TEST(WorkersTest, EachDoesEachTaskOnce) {
  for (const size_t count : {1U, 2U, 3U, 7U}) {
    Workers workers(count);
    std::vector<int> times(count, 0);  // each written by one worker, between two tasks' ends
    for (int round = 1; round <= 2000; ++round) {
      workers.Run([&](size_t worker) { ++times[worker]; });
      for (const int of_worker : times) ASSERT_EQ(of_worker, round);
    }
  }
}

TEST(WorkersTest, EachItemIsDoneOnce) {
  Workers workers(3);
  for (const size_t items : {0U, 1U, 2U, 100U}) {
    std::vector<int> times(items, 0);
    workers.RunEach(items, [&](size_t /*worker*/, size_t item) { ++times[item]; });
    EXPECT_EQ(times, std::vector<int>(items, 1));
  }
}

// Longer than anybody keeps looking: whoever waits has gone to sleep, and is woken.
TEST(WorkersTest, WhoSleepsIsWoken) {
  Workers workers(2);
  std::atomic<int> done{0};
  for (const size_t slow : {0U, 1U, 0U, 1U}) {
    workers.Run([&](size_t worker) {
      if (worker == slow) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      ++done;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(done, 8);
}

TEST(WorkersTest, GoHomeWithoutHavingWorked) {
  { Workers workers(4); }
  Workers asleep(4);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

TEST(WorkersTest, SharesAreWholeGrainsOfAllItems) {
  Workers workers(3);
  size_t next = 0;
  for (size_t worker = 0; worker < 3; ++worker) {
    const auto [first, last] = workers.Share(worker, 100, 16);
    EXPECT_EQ(first, next);
    EXPECT_TRUE(first % 16 == 0 || first == 100);
    next = last;
  }
  EXPECT_EQ(next, 100U);
}

}  // namespace
}  // namespace adscore::trainer
