// How fast a loop thinks that it is.
#include "server/serving/service_rate.h"

#include <gtest/gtest.h>

namespace adscore::server {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

double Milliseconds(ServiceRate::Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

TEST(ServiceRateTest, KnowsNothingAtFirst) {
  ServiceRate rate;
  rate.Observe(0, milliseconds(5), true);
  EXPECT_EQ(rate.TimeFor(1000), ServiceRate::Duration::zero());
}

TEST(ServiceRateTest, TheFirstRoundIsBelieved) {
  ServiceRate rate;
  rate.Observe(10, milliseconds(1), false);
  EXPECT_NEAR(Milliseconds(rate.TimeFor(100)), 10, 1e-4);
}

TEST(ServiceRateTest, FollowsSaturatedRoundsInBothDirections) {
  ServiceRate rate;
  for (const int us_per_row : {10, 40, 5}) {
    for (int i = 0; i < 50; ++i) rate.Observe(256, microseconds(256 * us_per_row), true);
    EXPECT_NEAR(Milliseconds(rate.TimeFor(1000)), us_per_row, 0.01 * us_per_row);
  }
}

TEST(ServiceRateTest, OneSlowRoundIsNotTheRule) {
  ServiceRate rate;
  for (int i = 0; i < 50; ++i) rate.Observe(100, milliseconds(1), true);
  rate.Observe(100, milliseconds(3), true);
  EXPECT_LT(Milliseconds(rate.TimeFor(100)), 1.5);
}

TEST(ServiceRateTest, LoneRowsOnAQuietServerCanLowerItOnly) {
  ServiceRate rate;
  for (int i = 0; i < 50; ++i) rate.Observe(256, microseconds(256 * 2), true);
  for (int i = 0; i < 50; ++i) rate.Observe(1, microseconds(50), false);
  EXPECT_NEAR(Milliseconds(rate.TimeFor(1000)), 2, 0.02);
  for (int i = 0; i < 50; ++i) rate.Observe(1, microseconds(1), false);
  EXPECT_NEAR(Milliseconds(rate.TimeFor(1000)), 1, 0.02);
}

}  // namespace
}  // namespace adscore::server
