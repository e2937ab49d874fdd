// What operators decide: pins, rollbacks, canaries and shadows, and that it survives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "model/rollout.h"
#include "server/serving/model_choice.h"
#include "tests/server/model_life_fixture.h"

namespace adscore::server {
namespace {

namespace fs = std::filesystem;
using model::testing::RandomColumns;
using model::testing::TinySnapshot;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DecisionsTest : public ModelLifeTest {
 protected:
  // Those that are not there yet.
  void PublishUpTo(int64_t last) {
    for (int64_t version = 1; version <= last; ++version) {
      if (fs::exists(File("ads", version))) continue;
      TinySnapshot({.seed = static_cast<uint64_t>(version)}).Publish(root_.path(), "ads", version);
      Look();
    }
  }
  ModelStatus Status() { return registry_.Statuses().at(0); }
  int64_t Answering(const Wanted& wanted) {
    const auto models = registry_.Pin();
    const ModelChoice choice = ChooseModel(*models, wanted);
    return choice.served == nullptr ? 0 : choice.served->version;
  }
  // Another server on the same model root, or this one after a restart.
  void Restart() {
    for (const ModelStatus& status : registry_.Statuses()) (void)registry_.Withdraw(status.name);
    lives_ = NewLives();
    Look();
  }
};

TEST_F(DecisionsTest, APinnedVersionServesWhateverIsPublishedAndAfterARestart) {
  PublishUpTo(3);
  ASSERT_TRUE(Ads().Pin(2).ok());
  EXPECT_EQ(Serving("ads"), 2);
  PublishUpTo(5);
  EXPECT_EQ(Serving("ads"), 2);
  EXPECT_EQ(Status().rollout.pinned, 2);
  Restart();
  EXPECT_EQ(Serving("ads"), 2);
  ASSERT_TRUE(Ads().Unpin().ok());
  EXPECT_EQ(Serving("ads"), 5) << "unpinning serves the newest at once";
  Restart();
  EXPECT_EQ(Serving("ads"), 5);
}

TEST_F(DecisionsTest, APinThatCantBeHadChangesNothing) {
  PublishUpTo(2);
  const absl::Status missing = Ads().Pin(9);
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("which has 2, 1"));
  PublishText("ads", 3, "damaged");
  const absl::Status damaged = Ads().Pin(3);
  EXPECT_EQ(damaged.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(damaged.message()), HasSubstr("damaged or truncated"));
  EXPECT_EQ(Ads().Pin(-1).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Serving("ads"), 2);
  EXPECT_EQ(Status().rollout, model::Rollout());
}

TEST_F(DecisionsTest, ARollBackGoesToWhatServedBeforeWithoutReadingIt) {
  PublishUpTo(3);
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 2));
  ASSERT_TRUE(Ads().RollBack().ok());
  EXPECT_EQ(Serving("ads"), 2) << "it was in memory";
  EXPECT_EQ(Status().rollout.pinned, 2);
  ASSERT_TRUE(Ads().RollBack().ok());
  EXPECT_EQ(Serving("ads"), 1) << "further back, never forward again";
}

TEST_F(DecisionsTest, ARollBackAfterARestartGoesToTheNextLowerVersion) {
  PublishUpTo(3);
  Restart();
  ASSERT_TRUE(Ads().RollBack().ok());
  EXPECT_EQ(Serving("ads"), 2);
}

TEST_F(DecisionsTest, ARollBackWithoutAnEarlierVersionIsRefused) {
  PublishUpTo(1);
  EXPECT_EQ(Ads().RollBack().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Serving("ads"), 1);
}

TEST_F(DecisionsTest, TheLastVersionsStayInMemoryAndAnswerByNumber) {
  lives_ = NewLives({}, /*keep_versions=*/2);
  PublishUpTo(4);
  EXPECT_THAT(Status().loaded, ElementsAre(4, 3, 2));
  EXPECT_EQ(Answering({.model = "ads", .version = 2}), 2);
  EXPECT_EQ(Answering({.model = "ads", .version = 1}), 0);
}

TEST_F(DecisionsTest, ACanaryAnswersItsShareOfTheKeysAndAlwaysTheSameOnes) {
  PublishUpTo(2);
  ASSERT_TRUE(Ads().Pin(1).ok());
  ASSERT_TRUE(Ads().SetCanary(2, 0.25).ok());
  EXPECT_EQ(Serving("ads"), 1);
  std::set<std::string> canaries;
  for (int i = 0; i < 10'000; ++i) {
    const std::string key = "user" + std::to_string(i);
    if (Answering({.model = "ads", .key = key}) == 2) canaries.insert(key);
  }
  EXPECT_NEAR(static_cast<double>(canaries.size()) / 10'000, 0.25, 0.02);
  EXPECT_EQ(Answering({.model = "ads"}), 1) << "without a key";
  EXPECT_EQ(Answering({.model = "ads", .label = "canary"}), 2);
  EXPECT_EQ(Answering({.model = "ads", .label = "stable", .key = *canaries.begin()}), 1);
  Restart();
  ASSERT_TRUE(Ads().SetCanary(2, 0.5).ok());
  for (const std::string& key : canaries) EXPECT_EQ(Answering({.model = "ads", .key = key}), 2) << key;
  ASSERT_TRUE(Ads().SetCanary(0, 0).ok());
  EXPECT_EQ(Answering({.model = "ads", .key = *canaries.begin()}), 1);
  EXPECT_EQ(Answering({.model = "ads", .label = "canary"}), 0);
}

TEST_F(DecisionsTest, ACanaryPinsTheStableVersionSoThatItDoesNotBecomeIt) {
  PublishUpTo(2);
  Ads().Pin(1).IgnoreError();
  Ads().Unpin().IgnoreError();
  ASSERT_EQ(Serving("ads"), 2);
  ASSERT_TRUE(Ads().SetCanary(1, 0.5).ok());
  EXPECT_EQ(Status().rollout.pinned, 2);
}

TEST_F(DecisionsTest, ACanaryThatMakesNoSenseIsRefused) {
  PublishUpTo(2);
  EXPECT_EQ(Ads().SetCanary(2, 0.5).code(), absl::StatusCode::kInvalidArgument) << "it is the stable one";
  EXPECT_EQ(Ads().SetCanary(1, 1.5).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Ads().SetCanary(1, 0).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Ads().SetCanary(7, 0.5).code(), absl::StatusCode::kNotFound);
  TinySnapshot({.context = false}).Publish(root_.path(), "ads", 3);
  const absl::Status other_schema = Ads().SetCanary(3, 0.5);
  EXPECT_EQ(other_schema.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(other_schema.message()), HasSubstr("another schema"));
  EXPECT_EQ(Status().rollout, model::Rollout());
}

TEST_F(DecisionsTest, PinningTheCanaryPromotesIt) {
  PublishUpTo(2);
  Ads().Pin(1).IgnoreError();
  Ads().SetCanary(2, 0.1).IgnoreError();
  ASSERT_TRUE(Ads().Pin(2).ok());
  EXPECT_EQ(Serving("ads"), 2);
  EXPECT_EQ(Status().rollout, (model::Rollout{.pinned = 2}));
}

TEST_F(DecisionsTest, AShadowIsComparedOnTheTrafficAndAnswersNothing) {
  PublishUpTo(2);
  Ads().Pin(1).IgnoreError();
  ASSERT_TRUE(Ads().SetShadow(2).ok());
  EXPECT_EQ(Answering({.model = "ads", .key = "any"}), 1);
  const RandomColumns context(snapshot_.snapshot().schema, model::FeatureRole::kContext, 1, 3);
  const RandomColumns candidates(snapshot_.snapshot().schema, model::FeatureRole::kCandidate, 5, 4);
  const model::Impression impression = {.context = context.columns, .candidates = candidates.columns};
  const auto models = registry_.Pin();
  const ServedModel& stable = *models->at("ads").stable;
  for (int i = 0; i < 3; ++i) {
    clock_.Advance(std::chrono::seconds(1));
    stable.traffic->Offer(clock_.Now(), impression);
  }
  Look();
  Look();
  const ModelStatus status = Status();
  ASSERT_EQ(status.shadow.size(), 2u);
  EXPECT_EQ(status.shadow[0].head, "click");
  EXPECT_EQ(status.shadow[0].rows, 15) << "each sampled row once";
  model::ScoreScratch scratch;
  std::vector<float> expected(10);
  stable.model->Score({&impression, 1}, &scratch, expected.data());
  double sum = 0;
  for (size_t r = 0; r < 5; ++r) sum += expected[2 * r];
  EXPECT_NEAR(status.shadow[0].stable_sum, 3 * sum, 1e-6);
  EXPECT_GT(status.shadow[0].absolute_sum, 0);
  EXPECT_NE(status.shadow[0].shadow_sum, status.shadow[0].stable_sum);
  ASSERT_TRUE(Ads().SetShadow(0).ok());
  EXPECT_TRUE(Status().shadow.empty());
}

TEST_F(DecisionsTest, WhatAnotherServerDecidesIsFollowed) {
  PublishUpTo(3);
  ASSERT_TRUE(model::WriteRollout(root_.path(), "ads", {.pinned = 1}).ok());
  Look();
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_EQ(Status().rollout.pinned, 1);
  fs::remove(model::RolloutPath(root_.path(), "ads"));
  Look();
  EXPECT_EQ(Serving("ads"), 3);
}

TEST_F(DecisionsTest, ARolloutThatIsRemovedRightAfterADecisionIsRemoved) {
  PublishUpTo(3);
  ASSERT_TRUE(Ads().Pin(2).ok());
  fs::remove(model::RolloutPath(root_.path(), "ads"));
  Look();
  EXPECT_EQ(Serving("ads"), 3);
}

TEST_F(DecisionsTest, ALowerCanaryServesInPlaceOfAPinnedVersionThatIsLost) {
  PublishUpTo(2);
  ASSERT_TRUE(Ads().SetCanary(1, 0.5).ok());
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 2));
  Restart();
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_THAT(Status().problem, HasSubstr("version 2 is pinned and can't serve"));
  const auto before = registry_.Pin();
  Look();
  EXPECT_EQ(registry_.Pin(), before) << "loaded again at every look";
}

TEST_F(DecisionsTest, ARolloutThatIsNotReadableChangesNothingAndIsReported) {
  PublishUpTo(3);
  ASSERT_TRUE(Ads().Pin(2).ok());
  std::ofstream(model::RolloutPath(root_.path(), "ads")) << "{\"pin\": 1}";
  Look();
  EXPECT_EQ(Serving("ads"), 2);
  EXPECT_THAT(Status().problem, HasSubstr("unknown key 'pin'"));
  ASSERT_TRUE(Ads().Pin(3).ok());
  EXPECT_EQ(Status().problem, "");
}

TEST_F(DecisionsTest, APinnedVersionThatIsGoneAtARestartGivesWayToALowerOneNeverToAHigherOne) {
  PublishUpTo(4);
  ASSERT_TRUE(Ads().Pin(3).ok());
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 3));
  Look();
  EXPECT_EQ(Serving("ads"), 3) << "it is in memory";
  Restart();
  EXPECT_EQ(Serving("ads"), 2);
  EXPECT_THAT(Status().problem, HasSubstr("version 3 is pinned and can't serve; version 2 does"));
}

TEST_F(DecisionsTest, WhatWasRefusedForItsMeanCanBePinned) {
  lives_ = NewLives({.max_mean_shift = 0.05});
  PublishUpTo(1);
  const RandomColumns context(snapshot_.snapshot().schema, model::FeatureRole::kContext, 1, 3);
  const RandomColumns candidates(snapshot_.snapshot().schema, model::FeatureRole::kCandidate, 32, 4);
  const auto offer = [&] {
    const auto models = registry_.Pin();
    for (int i = 0; i < 10; ++i) {
      clock_.Advance(std::chrono::seconds(1));
      models->at("ads").stable->traffic->Offer(
          clock_.Now(), {.context = context.columns, .candidates = candidates.columns});
    }
  };
  offer();
  TinySnapshot shifted({.seed = 1});
  shifted.mutable_snapshot().heads[0].calibrator.offset += 1;
  shifted.RefreshGoldenRows();
  shifted.Publish(root_.path(), "ads", 2);
  Look();
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_EQ(Swaps("mean_shift"), 1);
  ASSERT_EQ(Status().refused.size(), 1u);
  EXPECT_THAT(Status().refused[0].reason,
              HasSubstr("the mean prediction of head 'click' on the last 320 rows"));
  ASSERT_TRUE(Ads().Pin(2).ok());
  EXPECT_EQ(Serving("ads"), 2);
}

TEST_F(DecisionsTest, AVersionWithTheSameMeanPassesTheGuard) {
  lives_ = NewLives({.max_mean_shift = 0.05});
  PublishUpTo(1);
  const RandomColumns context(snapshot_.snapshot().schema, model::FeatureRole::kContext, 1, 3);
  const RandomColumns candidates(snapshot_.snapshot().schema, model::FeatureRole::kCandidate, 32, 4);
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(std::chrono::seconds(1));
    registry_.Pin()->at("ads").stable->traffic->Offer(
        clock_.Now(), {.context = context.columns, .candidates = candidates.columns});
  }
  TinySnapshot({.seed = 1}).Publish(root_.path(), "ads", 2);
  Look();
  EXPECT_EQ(Serving("ads"), 2);
}

TEST_F(DecisionsTest, ASchemaChangeIsRefusedWhereTheOperatorSaysSo) {
  lives_ = NewLives({.allow_schema_change = false});
  PublishUpTo(1);
  TinySnapshot({.context = false}).Publish(root_.path(), "ads", 2);
  Look();
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_EQ(Swaps("schema"), 1);
}

TEST_F(DecisionsTest, WhatAGuardStoppedIsJudgedAnewByOtherGuardsAndByTheSameOnesNot) {
  lives_ = NewLives({.allow_schema_change = false});
  PublishUpTo(1);
  TinySnapshot({.context = false}).Publish(root_.path(), "ads", 2);
  Look();
  lives_->SetPolicy({.guards = {.allow_schema_change = false}});
  Look();
  EXPECT_EQ(Swaps("schema"), 1) << "it is not loaded again for nothing";
  EXPECT_EQ(Serving("ads"), 1);
  lives_->SetPolicy({.guards = {.allow_schema_change = true}});
  Look();
  EXPECT_EQ(Serving("ads"), 2);
  EXPECT_TRUE(Status().refused.empty());
}

TEST_F(DecisionsTest, GuardsOfLaterHoldForModelsOfLaterToo) {
  lives_->SetPolicy({.keep_versions = 0, .guards = {.min_age = std::chrono::hours(1)}});
  PublishUpTo(1);
  snapshot_.Publish(root_.path(), "ads", 2);
  Look();
  EXPECT_EQ(Serving("ads"), 1);
  lives_->SetPolicy({.keep_versions = 0});
  Look();
  EXPECT_EQ(Serving("ads"), 2);
  EXPECT_THAT(Status().loaded, ElementsAre(2));
}

TEST_F(DecisionsTest, FewerKeptVersionsLeaveMemoryAtTheNextLook) {
  lives_ = NewLives({}, /*keep_versions=*/2);
  PublishUpTo(3);
  EXPECT_THAT(Status().loaded, ElementsAre(3, 2, 1));
  lives_->SetPolicy({.keep_versions = 1});
  Look();
  EXPECT_THAT(Status().loaded, ElementsAre(3, 2));
}

TEST_F(DecisionsTest, AVersionIsWarmedUpOnceBeforeItServesAndOneThatIsRefusedNever) {
  lives_ = NewLives({.allow_schema_change = false});
  PublishUpTo(1);
  TinySnapshot({.context = false}).Publish(root_.path(), "ads", 2);
  Look();
  Look();
  EXPECT_THAT(warmed_up_, ElementsAre(1));
  EXPECT_TRUE(served_when_warmed_up_.empty()) << "it served nobody by then";
}

TEST_F(DecisionsTest, WhatAGuardStoppedStaysStoppedAfterItWasACanaryOrADecisionFailed) {
  lives_ = NewLives({.allow_schema_change = false});
  PublishUpTo(1);
  TinySnapshot({.context = false}).Publish(root_.path(), "ads", 2);
  Look();
  EXPECT_EQ(Ads().SetShadow(2).code(), absl::StatusCode::kFailedPrecondition);
  for (int i = 0; i < 3; ++i) Look();
  EXPECT_EQ(Serving("ads"), 1);
  lives_ = NewLives({.min_age = std::chrono::hours(1)});
  snapshot_.Publish(root_.path(), "other", 1);
  Look();
  snapshot_.Publish(root_.path(), "other", 2);
  Look();
  ModelLife& other = *lives_->Of("other");
  ASSERT_TRUE(other.SetCanary(2, 0.5).ok());
  ASSERT_TRUE(other.Unpin().ok());
  for (int i = 0; i < 3; ++i) Look();
  EXPECT_EQ(Serving("other"), 1) << "it is as young as before";
}

TEST_F(DecisionsTest, ACanaryThatIsLostDoesNotStandInTheWayOfARollBack) {
  PublishUpTo(3);
  ASSERT_TRUE(Ads().Pin(2).ok());
  ASSERT_TRUE(Ads().SetCanary(3, 0.5).ok());
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 3));
  Restart();
  ASSERT_TRUE(Ads().RollBack().ok());
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_EQ(Status().rollout, (model::Rollout{.pinned = 1}));
}

TEST_F(DecisionsTest, ACanaryWithoutAPinDoesNotBecomeTheStableVersion) {
  PublishUpTo(2);
  ASSERT_TRUE(model::WriteRollout(root_.path(), "ads", {.canary = 3, .canary_share = 0.1}).ok());
  PublishUpTo(3);
  EXPECT_EQ(Serving("ads"), 2);
  EXPECT_EQ(Answering({.model = "ads", .label = "canary"}), 3);
}

TEST_F(DecisionsTest, AVersionThatIsPinnedAndNowhereIsReported) {
  PublishUpTo(2);
  ASSERT_TRUE(model::WriteRollout(root_.path(), "ads", {.pinned = 1}).ok());
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 1));
  Restart();
  EXPECT_EQ(Serving("ads"), 0);
  EXPECT_THAT(Status().problem, HasSubstr("version 1 is pinned, and neither it nor a lower one"));
}

TEST_F(DecisionsTest, AYoungVersionWaitsUnlessNothingElseServes) {
  lives_ = NewLives({.min_age = std::chrono::hours(1)});
  const auto old_time = fs::file_time_type::clock::now() - std::chrono::hours(2);
  snapshot_.Publish(root_.path(), "ads", 1);
  Look();
  EXPECT_EQ(Serving("ads"), 1) << "nothing else serves";
  snapshot_.Publish(root_.path(), "ads", 2);
  Look();
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_TRUE(Status().refused.empty()) << "waiting is no refusal";
  EXPECT_THAT(Status().problem, HasSubstr("version 2 waits"));
  fs::last_write_time(File("ads", 2), old_time);
  Look();
  EXPECT_EQ(Serving("ads"), 2);
}

}  // namespace
}  // namespace adscore::server
