#include "trainer/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <set>
#include <thread>

#include "model/model_root.h"
#include "tests/trainer/test_data.h"
#include "trainer/fit.h"

namespace adscore::trainer {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const FittedModel& Fitted() {
  static const auto* const kFitted = [] {
    FitOptions options;
    options.labels = {{"click", ""}, {"conversion", ""}};
    options.training.hidden = {8};
    options.training.epochs = 1;
    return new FittedModel(FitModel(SmallDataset(500, 1), options, [](const TrainingProgress&) {}).value());
  }();
  return *kFitted;
}

std::string Manifest(int64_t version, const model::Provenance& = {}) {
  return "{\"version\": " + std::to_string(version) + "}\n";
}

std::vector<std::string> Names(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Publisher, TheFirstVersionIsOneAndTheNextIsOneMore) {
  const TestDirectory root;
  for (const int64_t version : {1, 2, 3}) {
    const absl::StatusOr<Published> published =
        Publish(root.path(), "m", Fitted().model->snapshot(), Manifest);
    ASSERT_TRUE(published.ok()) << published.status();
    EXPECT_EQ(published->version, version);
    EXPECT_EQ(published->snapshot_bytes, fs::file_size(published->directory + "/snapshot"));
    EXPECT_EQ(ReadFile(published->directory + "/manifest.json"), Manifest(version));
  }
  EXPECT_THAT(Names(root.path() + "/m"), ElementsAre("1", "2", "3"));
  EXPECT_THAT(Names(root.path() + "/m/3"), ElementsAre("manifest.json", "snapshot"));
}

TEST(Publisher, EachVersionSaysWhichOneItFollows) {
  const TestDirectory root;
  const auto parent_in_file = [&](const Published& published) {
    return model::MappedSnapshot::Open(published.directory + "/snapshot")
        .value()
        ->snapshot()
        .provenance.parent_version;
  };
  const auto publish = [&](std::optional<int64_t> parent) {
    int64_t in_manifest = -1;
    const Published published = Publish(
                                    root.path(), "m", Fitted().model->snapshot(),
                                    [&](int64_t version, const model::Provenance& provenance) {
                                      in_manifest = provenance.parent_version;
                                      return Manifest(version);
                                    },
                                    parent)
                                    .value();
    EXPECT_EQ(published.parent_version, in_manifest);
    EXPECT_EQ(parent_in_file(published), in_manifest);
    return in_manifest;
  };
  EXPECT_EQ(publish(std::nullopt), 0);
  EXPECT_EQ(publish(std::nullopt), 1);
  EXPECT_EQ(publish(1), 1);
  EXPECT_EQ(publish(0), 0);
  fs::create_directories(root.path() + "/m/41");  // not complete: nothing can follow it
  EXPECT_EQ(publish(std::nullopt), 4);
}

TEST(Publisher, NeverTouchesWhatIsThereEvenIfItIsNotComplete) {
  const TestDirectory root;
  fs::create_directories(root.path() + "/m/41");  // empty: someone's, or a broken copy
  fs::create_directories(root.path() + "/m/7");
  std::ofstream(root.path() + "/m/7/snapshot") << "mine";
  EXPECT_EQ(Publish(root.path(), "m", Fitted().model->snapshot(), Manifest)->version, 42);
  EXPECT_TRUE(fs::is_empty(root.path() + "/m/41"));
  EXPECT_EQ(ReadFile(root.path() + "/m/7/snapshot"), "mine");
}

TEST(Publisher, AVersionTakenInTheMeantimeIsSkipped) {
  const TestDirectory root;
  int calls = 0;
  const absl::StatusOr<Published> published =
      Publish(root.path(), "m", Fitted().model->snapshot(), [&](int64_t version, const model::Provenance&) {
        // Another process publishes the same version just before the rename.
        if (calls++ == 0) std::filesystem::create_directories(root.path() + "/m/1/sub");
        return Manifest(version);
      });
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_EQ(published->version, 2);
  EXPECT_EQ(ReadFile(published->directory + "/manifest.json"), Manifest(2));
}

TEST(Publisher, ManyAtOnceGetAVersionEach) {
  const TestDirectory root;
  const model::Snapshot& snapshot = Fitted().model->snapshot();
  std::vector<int64_t> versions(8);
  std::vector<std::thread> threads;
  for (int64_t& version : versions) {
    threads.emplace_back([&] { version = Publish(root.path(), "m", snapshot, Manifest)->version; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<int64_t>(versions.begin(), versions.end()).size(), 8U);
  EXPECT_EQ(*std::max_element(versions.begin(), versions.end()), 8);
}

TEST(Publisher, AFailureLeavesNothing) {
  const TestDirectory root;
  model::Snapshot broken = Fitted().model->snapshot();
  const std::vector<float> bias(broken.layers[0].outputs, std::numeric_limits<float>::quiet_NaN());
  broken.layers[0].bias = bias;
  EXPECT_FALSE(Publish(root.path(), "m", broken, Manifest).ok());
  EXPECT_TRUE(fs::is_empty(root.path() + "/m"));
}

TEST(Publisher, ClearsAwayWhatAKilledPublishLeftADayAgo) {
  const TestDirectory root;
  for (const char* name : {".publishing-old", ".publishing-new", ".mine"}) {
    fs::create_directories(root.path() + "/m/" + name);
    std::ofstream(root.path() + "/m/" + name + "/snapshot") << "half";
  }
  const auto yesterday = fs::file_time_type::clock::now() - std::chrono::hours(25);
  fs::last_write_time(root.path() + "/m/.publishing-old", yesterday);
  fs::last_write_time(root.path() + "/m/.mine", yesterday);
  ASSERT_TRUE(Publish(root.path(), "m", Fitted().model->snapshot(), Manifest).ok());
  EXPECT_THAT(Names(root.path() + "/m"), ElementsAre(".mine", ".publishing-new", "1"));
}

TEST(Publisher, ASnapshotThatContradictsItsGoldenRowsIsNotPublished) {
  const TestDirectory root;
  model::Snapshot wrong = Fitted().model->snapshot();
  std::vector<float> probabilities(wrong.golden.probabilities.begin(), wrong.golden.probabilities.end());
  probabilities[3] += 0.01F;
  wrong.golden.probabilities = probabilities;
  const absl::Status status = Publish(root.path(), "m", wrong, Manifest).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("golden"));
  EXPECT_TRUE(fs::is_empty(root.path() + "/m"));
}

TEST(Publisher, ARootThatCanNotBeIsNamed) {
  const TestDirectory root;
  const std::string file = root.File("taken", "");
  const absl::Status status = Publish(file, "m", Fitted().model->snapshot(), Manifest).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr(file));
  EXPECT_FALSE(Publish(root.path(), "../m", Fitted().model->snapshot(), Manifest).ok());
}

}  // namespace
}  // namespace adscore::trainer
