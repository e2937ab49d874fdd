// Who may queue.
#include "server/serving/admission.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace adscore::server {
namespace {

TEST(AdmissionTest, TakesExactlyAsManyRowsAsMayQueueAndThenSaysQueueFull) {
  Admission admission(10);
  EXPECT_EQ(admission.Admit(7), std::nullopt);
  EXPECT_EQ(admission.Admit(4), Refusal::kQueueFull);
  EXPECT_EQ(admission.Admit(3), std::nullopt);
  EXPECT_EQ(admission.Admit(1), Refusal::kQueueFull);
  admission.Release(7);
  EXPECT_EQ(admission.Admit(7), std::nullopt);
  EXPECT_EQ(admission.queued_rows(), 10u);
}

TEST(AdmissionTest, MoreRowsThanCouldEverQueueAreInvalid) {
  Admission admission(10);
  EXPECT_EQ(admission.Admit(11), Refusal::kInvalid);
  EXPECT_EQ(admission.Admit(size_t{1} << 32), Refusal::kInvalid);
  EXPECT_EQ(admission.queued_rows(), 0u);
}

TEST(AdmissionTest, LeavingAdmitsAsBefore) {
  Admission admission(10);
  EXPECT_FALSE(admission.leaving());
  admission.StartLeaving();
  EXPECT_TRUE(admission.leaving());
  EXPECT_EQ(admission.Admit(1), std::nullopt);
  admission.StartDraining();
  EXPECT_TRUE(admission.leaving());
}

TEST(AdmissionTest, DrainingRefusesWhateverComes) {
  Admission admission(10);
  admission.StartDraining();
  EXPECT_EQ(admission.Admit(1), Refusal::kDraining);
  EXPECT_EQ(admission.turned_away(), 1u);
}

TEST(AdmissionTest, ThreadsTogetherNeverExceedTheLimit) {
  Admission admission(100);
  std::atomic<size_t> admitted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        if (!admission.Admit(3).has_value()) admitted += 3;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admitted, 99u);
  EXPECT_EQ(admission.queued_rows(), 99u);
}

}  // namespace
}  // namespace adscore::server
