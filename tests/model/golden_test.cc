// A snapshot that was written once and never again: what has been published stays readable.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "model/model.h"
#include "model/snapshot.h"
#include "tests/model/tiny_snapshot.h"

namespace adscore::model {
namespace {

std::string SnapshotPath(int format) {
  return ADSCORE_GOLDEN "/format" + std::to_string(format) + ".snapshot";
}
std::string ProbabilitiesPath(int format) {
  return ADSCORE_GOLDEN "/format" + std::to_string(format) + ".txt";
}
constexpr float kTolerance = 1e-6f;

std::vector<float> Recorded(int format) {
  std::vector<float> values;
  std::ifstream file(ProbabilitiesPath(format));
  for (std::string word; file >> word;) values.push_back(std::strtof(word.c_str(), nullptr));
  return values;
}

TEST(GoldenTest, AFileOfFormatVersion1SaysWhatItSaid) {
  const auto mapped = MappedSnapshot::Open(SnapshotPath(1));
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const Snapshot& snapshot = (*mapped)->snapshot();
  EXPECT_EQ(Fingerprint(snapshot.schema), 0x57c6ce96440f99e4u);
  ASSERT_EQ(snapshot.schema.features.size(), 6u);
  EXPECT_EQ(snapshot.schema.features[3].name, "bid");
  EXPECT_EQ(snapshot.schema.features[3].transform, NumericTransform::kSignedLog1p);
  EXPECT_EQ(snapshot.encodings[0].numeric.edges, (std::vector<float>{6, 12, 18}));
  ASSERT_EQ(snapshot.heads.size(), 2u);
  EXPECT_EQ(snapshot.heads[1].name, "conversion");
  EXPECT_EQ(snapshot.heads[1].calibrator.slope, 0.9f);
  EXPECT_EQ(snapshot.heads[1].after, std::nullopt);
  EXPECT_EQ(snapshot.provenance, (Provenance{.trainer = "tests",
                                             .created_at = 1'700'000'000,
                                             .training_rows = 100,
                                             .seed = 1,
                                             .parent_version = 3,
                                             .training_from = 1'690'000'000,
                                             .training_to = 1'699'999'999}));
}

TEST(GoldenTest, AFileOfFormatVersion2SaysWhichHeadFollowsAnother) {
  const auto mapped = MappedSnapshot::Open(SnapshotPath(2));
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  EXPECT_EQ((*mapped)->snapshot().heads[0].after, std::nullopt);
  EXPECT_EQ((*mapped)->snapshot().heads[1].after, 0u);
}

class GoldenFileTest : public ::testing::TestWithParam<int> {};

TEST_P(GoldenFileTest, ScoresAsItDid) {
  const auto mapped = MappedSnapshot::Open(SnapshotPath(GetParam()));
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const Snapshot& snapshot = (*mapped)->snapshot();
  const std::vector<float> recorded = Recorded(GetParam());
  ASSERT_EQ(recorded.size(), snapshot.golden.rows * snapshot.heads.size());
  std::vector<float> scored(recorded.size());
  ReferenceScore(snapshot, snapshot.golden.context, snapshot.golden.candidates, scored.data());
  for (size_t i = 0; i < recorded.size(); ++i) {
    EXPECT_EQ(snapshot.golden.probabilities[i], recorded[i]);
    EXPECT_NEAR(scored[i], recorded[i], kTolerance);
  }
  for (const KernelSet* kernels : AvailableKernelSets(Precision::kF32)) {
    EXPECT_LE(Model(snapshot, *kernels).GoldenError(), kTolerance) << kernels->name;
  }
}

INSTANTIATE_TEST_SUITE_P(OfEveryFormat, GoldenFileTest, ::testing::Values(1, 2));

TEST(GoldenTest, DISABLED_MakesTheFilesOfTheNewestFormat) {
  const testing::TinySnapshot tiny({.chained = true});
  ASSERT_FALSE(std::filesystem::exists(ProbabilitiesPath(2)));
  ASSERT_TRUE(WriteSnapshot(tiny.snapshot(), SnapshotPath(2)).ok());
  std::FILE* file = std::fopen(ProbabilitiesPath(2).c_str(), "w");
  ASSERT_NE(file, nullptr);
  const size_t heads = tiny.snapshot().heads.size();
  const std::span<const float> probabilities = tiny.snapshot().golden.probabilities;
  for (size_t i = 0; i < probabilities.size(); ++i) {
    std::fprintf(file, "%a%c", static_cast<double>(probabilities[i]), (i + 1) % heads == 0 ? '\n' : ' ');
  }
  std::fclose(file);
}

}  // namespace
}  // namespace adscore::model
