// Versions under a model root: which one serves, which is refused, and what happens meanwhile.
#include "server/snapshots/model_life.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "server/snapshots/watcher.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/model_life_fixture.h"

namespace adscore::server {
namespace {

namespace fs = std::filesystem;
using model::testing::TinySnapshot;
using ::testing::HasSubstr;

TEST_F(ModelLifeTest, AnEmptyRootServesNothingUntilTheFirstVersionArrives) {
  Look();
  EXPECT_TRUE(registry_.Pin()->empty());
  EXPECT_EQ(changes_, 0);
  snapshot_.Publish(root_.path(), "ads", 1);
  Look();
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_EQ(changes_, 1);
}

TEST_F(ModelLifeTest, TheHighestVersionServesAndANewerOneTakesItsPlace) {
  snapshot_.Publish(root_.path(), "ads", 2);
  snapshot_.Publish(root_.path(), "ads", 10);
  Look();
  EXPECT_EQ(Serving("ads"), 10);
  EXPECT_EQ(Swaps("swapped"), 1);
  snapshot_.Publish(root_.path(), "ads", 9);
  Look();
  EXPECT_EQ(Serving("ads"), 10) << "an older version must not take over";
  snapshot_.Publish(root_.path(), "ads", 11);
  Look();
  EXPECT_EQ(Serving("ads"), 11);
}

TEST_F(ModelLifeTest, ADamagedVersionIsRefusedOnceAndTheOldOneKeepsServing) {
  snapshot_.Publish(root_.path(), "ads", 1);
  Look();
  PublishText("ads", 2, "this is no snapshot");
  for (int i = 0; i < 5; ++i) {
    Look();
    clock_.Advance(std::chrono::hours(1));
  }
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_EQ(Swaps("swapped") + Swaps("refused"), 2) << "tried more than once";
  const std::vector<ModelStatus> statuses = registry_.Statuses();
  ASSERT_EQ(statuses.size(), 1u);
  EXPECT_EQ(statuses[0].serving_version, 1);
  ASSERT_EQ(statuses[0].refused.size(), 1u);
  EXPECT_EQ(statuses[0].refused[0].version, 2);
  EXPECT_THAT(statuses[0].refused[0].reason, HasSubstr(File("ads", 2)));
}

TEST_F(ModelLifeTest, ALowerVersionServesIfTheHighestIsRefusedAndNothingServesYet) {
  snapshot_.Publish(root_.path(), "ads", 4);
  PublishText("ads", 5, "");
  Look();
  EXPECT_EQ(Serving("ads"), 4);
}

TEST_F(ModelLifeTest, AVersionThatIsRepublishedAfterItWasRemovedIsTriedAgain) {
  PublishText("ads", 1, "damaged");
  Look();
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 1));
  Look();
  snapshot_.Publish(root_.path(), "ads", 1);
  Look();
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_TRUE(registry_.Statuses()[0].refused.empty());
}

TEST_F(ModelLifeTest, ARefusedVersionThatIsReplacedBetweenTwoLooksIsTriedAgain) {
  PublishText("ads", 1, "damaged");
  Look();
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 1));
  snapshot_.Publish(root_.path(), "ads", 1);
  Look();
  EXPECT_EQ(Serving("ads"), 1);
}

TEST_F(ModelLifeTest, AnotherSnapshotUnderTheNumberThatServesTakesItsPlaceAndIsLogged) {
  const KeptLog log;
  const TinySnapshot other({.seed = 2});
  snapshot_.Publish(root_.path(), "ads", 2);
  Look();
  ASSERT_EQ(FirstWeight("ads"), snapshot_.snapshot().layers[0].weights[0]);
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 2));
  other.Publish(root_.path(), "ads", 2);
  for (int i = 0; i < 3; ++i) Look();
  EXPECT_EQ(FirstWeight("ads"), other.snapshot().layers[0].weights[0]);
  EXPECT_EQ(Swaps("swapped"), 2) << "loaded again without need";
  EXPECT_EQ(log.Count("model ads version 2 is another snapshot than the one that served"), 1);
}

TEST_F(ModelLifeTest, ADamagedFileUnderTheNumberThatServesIsRefusedOnceAndTheOldOneKeepsServing) {
  snapshot_.Publish(root_.path(), "ads", 2);
  Look();
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 2));
  PublishText("ads", 2, "damaged");
  for (int i = 0; i < 3; ++i) Look();
  EXPECT_EQ(FirstWeight("ads"), snapshot_.snapshot().layers[0].weights[0]);
  EXPECT_EQ(Swaps("damaged"), 1);
  EXPECT_EQ(registry_.Statuses()[0].refused.size(), 1u);
}

TEST_F(ModelLifeTest, AServingVersionThatIsRemovedServesOnAndThatIsLoggedOnce) {
  const KeptLog log;
  snapshot_.Publish(root_.path(), "ads", 1);
  snapshot_.Publish(root_.path(), "ads", 2);
  Look();
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 2));
  for (int i = 0; i < 3; ++i) Look();
  EXPECT_EQ(Serving("ads"), 2);
  EXPECT_EQ(log.Count("model ads version 2 is no longer in the model root"), 1);
}

TEST_F(ModelLifeTest, ASnapshotThatIsANamedPipeIsRefusedInsteadOfWaitedFor) {
  fs::create_directories(model::VersionDirectory(root_.path(), "ads", 1));
  ASSERT_EQ(mkfifo(File("ads", 1).c_str(), 0644), 0);
  Look();
  EXPECT_EQ(Serving("ads"), 0);
  ASSERT_EQ(registry_.Statuses()[0].refused.size(), 1u);
  EXPECT_THAT(registry_.Statuses()[0].refused[0].reason, HasSubstr("is not a file"));
}

TEST_F(ModelLifeTest, AModelThatComesOrGoesWithoutAVersionThatServesIsAChangeToo) {
  fs::create_directories(root_.path() + "/ads");
  Look();
  EXPECT_EQ(changes_, 1);
  Look();
  EXPECT_EQ(changes_, 1);
  fs::remove_all(root_.path() + "/ads");
  Look();
  EXPECT_EQ(changes_, 2);
}

TEST_F(ModelLifeTest, AVersionWhoseGoldenRowsDisagreeIsRefused) {
  TinySnapshot wrong;
  std::vector<float> probabilities(wrong.snapshot().golden.probabilities.begin(),
                                   wrong.snapshot().golden.probabilities.end());
  probabilities[3] += probabilities[3] < 0.5F ? 1e-3F : -1e-3F;
  wrong.mutable_snapshot().golden.probabilities = probabilities;
  wrong.Publish(root_.path(), "ads", 1);
  Look();
  EXPECT_EQ(Serving("ads"), 0);
  EXPECT_EQ(Swaps("golden_rows"), 1);
  EXPECT_THAT(registry_.Statuses()[0].refused[0].reason, HasSubstr("golden rows differ"));
}

// While it lives, permissions bind: root reads what it likes, so a test that runs as root becomes somebody
// else.
class PermissionsBind {
 public:
  PermissionsBind() { bound_ = geteuid() != 0 || seteuid(kNobody) == 0; }
  ~PermissionsBind() {
    if (getuid() == 0) (void)!seteuid(0);
  }
  bool bound() const { return bound_; }

 private:
  static constexpr uid_t kNobody = 65534;
  bool bound_ = false;
};

TEST_F(ModelLifeTest, AReasonThatMayPassIsRetriedEverMoreRarely) {
  snapshot_.Publish(root_.path(), "ads", 2);
  fs::permissions(root_.path(), fs::perms::all);
  fs::permissions(File("ads", 2), fs::perms::none);
  std::optional<PermissionsBind> permissions(std::in_place);
  if (!permissions->bound()) GTEST_SKIP() << "can't stop being root here";
  Look();
  EXPECT_EQ(Swaps("permission"), 1);
  Look();
  EXPECT_EQ(Swaps("permission"), 1) << "retried without waiting";
  clock_.Advance(std::chrono::seconds(1));
  Look();
  EXPECT_EQ(Swaps("permission"), 2);
  clock_.Advance(std::chrono::seconds(1));
  Look();
  EXPECT_EQ(Swaps("permission"), 2) << "did not wait longer";
  permissions.reset();
  fs::permissions(File("ads", 2), fs::perms::all);
  clock_.Advance(std::chrono::seconds(1));
  Look();
  EXPECT_EQ(Serving("ads"), 2);
}

TEST_F(ModelLifeTest, AModelWhoseDirectoryDisappearsKeepsServing) {
  snapshot_.Publish(root_.path(), "ads", 1);
  Look();
  fs::remove_all(root_.path() + "/ads");
  Look();
  EXPECT_EQ(Serving("ads"), 1);
  fs::remove_all(root_.path());
  Look();
  EXPECT_EQ(Serving("ads"), 1);
}

TEST_F(ModelLifeTest, AVersionWithAnotherSchemaServes) {
  snapshot_.Publish(root_.path(), "ads", 1);
  Look();
  TinySnapshot({.context = false}).Publish(root_.path(), "ads", 2);
  Look();
  EXPECT_EQ(Serving("ads"), 2);
}

TEST_F(ModelLifeTest, AModelThatIsNoLongerKeptIsFreedByItsLifeOnceNoBatchHoldsIt) {
  snapshot_.Publish(root_.path(), "ads", 1);
  Look();
  std::shared_ptr<const ServedModels> batch = registry_.Pin();
  const std::weak_ptr<const ServedModel> old = batch->at("ads").stable;
  for (const int64_t version : {2, 3}) {
    snapshot_.Publish(root_.path(), "ads", version);
    Look();
    Look();
  }
  EXPECT_FALSE(old.expired()) << "freed while a batch still scores with it";
  batch.reset();
  EXPECT_FALSE(old.expired()) << "the batch, not the life, freed it";
  Look();
  EXPECT_TRUE(old.expired());
}

TEST_F(ModelLifeTest, TheWatcherLooksAtOnceAndAgain) {
  snapshot_.Publish(root_.path(), "ads", 1);
  Watcher watcher(lives_.get(), std::chrono::milliseconds(1), [] {});
  watcher.WaitForFirstLooks();
  EXPECT_EQ(Serving("ads"), 1);
  snapshot_.Publish(root_.path(), "ads", 2);
  for (int i = 0; i < 10'000 && Serving("ads") != 2; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(Serving("ads"), 2);
}

}  // namespace
}  // namespace adscore::server
