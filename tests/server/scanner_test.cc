// Versions under a model root: which one serves, which is refused, and what happens meanwhile.
#include "server/snapshots/scanner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include "model/model_root.h"
#include "server/snapshots/watcher.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/fake_clock.h"
#include "tests/server/temp_directory.h"

namespace adscore::server {
namespace {

namespace fs = std::filesystem;
using model::testing::TinySnapshot;
using ::testing::HasSubstr;

// While it lives, what is logged is kept instead of written.
class KeptLog {
 public:
  KeptLog() {
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("kept", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
  }
  ~KeptLog() { spdlog::set_default_logger(previous_); }

  int Count(const std::string& part) const {
    const std::string text = text_.str();
    int count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
  }

 private:
  std::ostringstream text_;
  const std::shared_ptr<spdlog::logger> previous_ = spdlog::default_logger();
};

class ScannerTest : public ::testing::Test {
 protected:
  const model::KernelSet* kernels_ = *model::FindKernelSet("auto", model::Precision::kF32);

  std::unique_ptr<Scanner> NewScanner() {
    return std::make_unique<Scanner>(root_.path(), kernels_, &registry_, &metrics_, &clock_,
                                     [this] { ++changes_; });
  }

  std::string File(const std::string& name, int64_t version) {
    return model::VersionDirectory(root_.path(), name, version) + "/" + std::string(model::kSnapshotFile);
  }
  void PublishText(const std::string& name, int64_t version, const std::string& text) {
    fs::create_directories(model::VersionDirectory(root_.path(), name, version));
    std::ofstream(File(name, version)) << text;
  }
  int64_t Serving(const std::string& name) {
    const auto models = registry_.Pin();
    const auto found = models->find(name);
    return found == models->end() ? 0 : found->second->version;
  }
  // Tells snapshots of one schema apart.
  float FirstWeight(const std::string& name) {
    return registry_.Pin()->at(name)->model->snapshot().layers[0].weights[0];
  }
  double Swaps(const std::string& code) {
    double swaps = 0;
    for (const auto& family : metrics_.Collect()) {
      if (family.name != "adscore_model_swaps_total") continue;
      for (const auto& metric : family.metric) {
        if (metric.label.at(1).value == code) swaps += metric.counter.value;
      }
    }
    return swaps;
  }

  TempDirectory root_;
  FakeClock clock_;
  Registry registry_;
  ServerMetrics metrics_{1, [] { return 0.0; }};
  std::atomic<int> changes_{0};
  std::unique_ptr<Scanner> scanner_ = NewScanner();
  const TinySnapshot snapshot_;
};

TEST_F(ScannerTest, AnEmptyRootServesNothingUntilTheFirstVersionArrives) {
  scanner_->Scan();
  EXPECT_TRUE(registry_.Pin()->empty());
  EXPECT_EQ(changes_, 0);
  snapshot_.Publish(root_.path(), "ads", 1);
  scanner_->Scan();
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_EQ(changes_, 1);
}

TEST_F(ScannerTest, TheHighestVersionServesAndANewerOneTakesItsPlace) {
  snapshot_.Publish(root_.path(), "ads", 2);
  snapshot_.Publish(root_.path(), "ads", 10);
  scanner_->Scan();
  EXPECT_EQ(Serving("ads"), 10);
  EXPECT_EQ(Swaps("OK"), 1);
  snapshot_.Publish(root_.path(), "ads", 9);
  scanner_->Scan();
  EXPECT_EQ(Serving("ads"), 10) << "an older version must not take over";
  snapshot_.Publish(root_.path(), "ads", 11);
  scanner_->Scan();
  EXPECT_EQ(Serving("ads"), 11);
}

TEST_F(ScannerTest, ADamagedVersionIsRefusedOnceAndTheOldOneKeepsServing) {
  snapshot_.Publish(root_.path(), "ads", 1);
  scanner_->Scan();
  PublishText("ads", 2, "this is no snapshot");
  for (int i = 0; i < 5; ++i) {
    scanner_->Scan();
    clock_.Advance(std::chrono::hours(1));
  }
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_EQ(Swaps("OK") + Swaps("DATA_LOSS") + Swaps("INVALID_ARGUMENT"), 2) << "tried more than once";
  const std::vector<ModelStatus> statuses = registry_.Statuses();
  ASSERT_EQ(statuses.size(), 1u);
  EXPECT_EQ(statuses[0].serving_version, 1);
  ASSERT_EQ(statuses[0].refused.size(), 1u);
  EXPECT_EQ(statuses[0].refused[0].version, 2);
  EXPECT_THAT(statuses[0].refused[0].reason, HasSubstr(File("ads", 2)));
}

TEST_F(ScannerTest, ALowerVersionServesIfTheHighestIsRefusedAndNothingServesYet) {
  snapshot_.Publish(root_.path(), "ads", 4);
  PublishText("ads", 5, "");
  scanner_->Scan();
  EXPECT_EQ(Serving("ads"), 4);
}

TEST_F(ScannerTest, AVersionThatIsRepublishedAfterItWasRemovedIsTriedAgain) {
  PublishText("ads", 1, "damaged");
  scanner_->Scan();
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 1));
  scanner_->Scan();
  snapshot_.Publish(root_.path(), "ads", 1);
  scanner_->Scan();
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_TRUE(registry_.Statuses()[0].refused.empty());
}

TEST_F(ScannerTest, ARefusedVersionThatIsReplacedBetweenTwoScansIsTriedAgain) {
  PublishText("ads", 1, "damaged");
  scanner_->Scan();
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 1));
  snapshot_.Publish(root_.path(), "ads", 1);
  scanner_->Scan();
  EXPECT_EQ(Serving("ads"), 1);
}

TEST_F(ScannerTest, AnotherSnapshotUnderTheNumberThatServesTakesItsPlaceAndIsLogged) {
  const KeptLog log;
  const TinySnapshot other({.seed = 2});
  snapshot_.Publish(root_.path(), "ads", 2);
  scanner_->Scan();
  ASSERT_EQ(FirstWeight("ads"), snapshot_.snapshot().layers[0].weights[0]);
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 2));
  other.Publish(root_.path(), "ads", 2);
  for (int i = 0; i < 3; ++i) scanner_->Scan();
  EXPECT_EQ(FirstWeight("ads"), other.snapshot().layers[0].weights[0]);
  EXPECT_EQ(Swaps("OK"), 2) << "loaded again without need";
  EXPECT_EQ(log.Count("model ads version 2 is another snapshot than the one that serves"), 1);
}

TEST_F(ScannerTest, ADamagedFileUnderTheNumberThatServesIsRefusedOnceAndTheOldOneKeepsServing) {
  snapshot_.Publish(root_.path(), "ads", 2);
  scanner_->Scan();
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 2));
  PublishText("ads", 2, "damaged");
  for (int i = 0; i < 3; ++i) scanner_->Scan();
  EXPECT_EQ(FirstWeight("ads"), snapshot_.snapshot().layers[0].weights[0]);
  EXPECT_EQ(Swaps("DATA_LOSS"), 1);
  EXPECT_EQ(registry_.Statuses()[0].refused.size(), 1u);
}

TEST_F(ScannerTest, AServingVersionThatIsRemovedServesOnAndThatIsLoggedOnce) {
  const KeptLog log;
  snapshot_.Publish(root_.path(), "ads", 1);
  snapshot_.Publish(root_.path(), "ads", 2);
  scanner_->Scan();
  fs::remove_all(model::VersionDirectory(root_.path(), "ads", 2));
  for (int i = 0; i < 3; ++i) scanner_->Scan();
  EXPECT_EQ(Serving("ads"), 2);
  EXPECT_EQ(log.Count("model ads version 2 is no longer in the model root"), 1);
}

TEST_F(ScannerTest, ASnapshotThatIsANamedPipeIsRefusedInsteadOfWaitedFor) {
  fs::create_directories(model::VersionDirectory(root_.path(), "ads", 1));
  ASSERT_EQ(mkfifo(File("ads", 1).c_str(), 0644), 0);
  scanner_->Scan();
  EXPECT_EQ(Serving("ads"), 0);
  ASSERT_EQ(registry_.Statuses()[0].refused.size(), 1u);
  EXPECT_THAT(registry_.Statuses()[0].refused[0].reason, HasSubstr("is not a file"));
}

TEST_F(ScannerTest, AModelThatComesOrGoesWithoutAVersionThatServesIsAChangeToo) {
  fs::create_directories(root_.path() + "/ads");
  scanner_->Scan();
  EXPECT_EQ(changes_, 1);
  scanner_->Scan();
  EXPECT_EQ(changes_, 1);
  fs::remove_all(root_.path() + "/ads");
  scanner_->Scan();
  EXPECT_EQ(changes_, 2);
}

TEST_F(ScannerTest, AVersionWhoseGoldenRowsDisagreeIsRefused) {
  TinySnapshot wrong;
  std::vector<float> probabilities(wrong.snapshot().golden.probabilities.begin(),
                                   wrong.snapshot().golden.probabilities.end());
  probabilities[3] += probabilities[3] < 0.5F ? 1e-3F : -1e-3F;
  wrong.mutable_snapshot().golden.probabilities = probabilities;
  wrong.Publish(root_.path(), "ads", 1);
  scanner_->Scan();
  EXPECT_EQ(Serving("ads"), 0);
  EXPECT_EQ(Swaps("FAILED_PRECONDITION"), 1);
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

TEST_F(ScannerTest, AReasonThatMayPassIsRetriedEverMoreRarely) {
  snapshot_.Publish(root_.path(), "ads", 2);
  fs::permissions(root_.path(), fs::perms::all);
  fs::permissions(File("ads", 2), fs::perms::none);
  std::optional<PermissionsBind> permissions(std::in_place);
  if (!permissions->bound()) GTEST_SKIP() << "can't stop being root here";
  scanner_->Scan();
  EXPECT_EQ(Swaps("PERMISSION_DENIED"), 1);
  scanner_->Scan();
  EXPECT_EQ(Swaps("PERMISSION_DENIED"), 1) << "retried without waiting";
  clock_.Advance(std::chrono::seconds(1));
  scanner_->Scan();
  EXPECT_EQ(Swaps("PERMISSION_DENIED"), 2);
  clock_.Advance(std::chrono::seconds(1));
  scanner_->Scan();
  EXPECT_EQ(Swaps("PERMISSION_DENIED"), 2) << "did not wait longer";
  permissions.reset();
  fs::permissions(File("ads", 2), fs::perms::all);
  clock_.Advance(std::chrono::seconds(1));
  scanner_->Scan();
  EXPECT_EQ(Serving("ads"), 2);
}

TEST_F(ScannerTest, AModelWhoseDirectoryDisappearsKeepsServing) {
  snapshot_.Publish(root_.path(), "ads", 1);
  scanner_->Scan();
  fs::remove_all(root_.path() + "/ads");
  scanner_->Scan();
  EXPECT_EQ(Serving("ads"), 1);
  fs::remove_all(root_.path());
  scanner_->Scan();
  EXPECT_EQ(Serving("ads"), 1);
}

TEST_F(ScannerTest, AVersionWithAnotherSchemaServes) {
  snapshot_.Publish(root_.path(), "ads", 1);
  scanner_->Scan();
  TinySnapshot({.context = false}).Publish(root_.path(), "ads", 2);
  scanner_->Scan();
  EXPECT_EQ(Serving("ads"), 2);
}

TEST_F(ScannerTest, TheOldModelIsFreedByTheScannerOnceNoBatchHoldsIt) {
  snapshot_.Publish(root_.path(), "ads", 1);
  scanner_->Scan();
  std::shared_ptr<const ServedModels> batch = registry_.Pin();
  const std::weak_ptr<const ServedModel> old = batch->at("ads");
  snapshot_.Publish(root_.path(), "ads", 2);
  scanner_->Scan();
  scanner_->Scan();
  EXPECT_FALSE(old.expired()) << "freed while a batch still scores with it";
  batch.reset();
  EXPECT_FALSE(old.expired()) << "the batch, not the scanner, freed it";
  scanner_->Scan();
  EXPECT_TRUE(old.expired());
}

TEST_F(ScannerTest, TheWatcherScansAtOnceAndAgain) {
  snapshot_.Publish(root_.path(), "ads", 1);
  Watcher watcher(std::move(scanner_), std::chrono::milliseconds(1));
  watcher.WaitForFirstScan();
  EXPECT_EQ(Serving("ads"), 1);
  snapshot_.Publish(root_.path(), "ads", 2);
  for (int i = 0; i < 10'000 && Serving("ads") != 2; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(Serving("ads"), 2);
}

}  // namespace
}  // namespace adscore::server
