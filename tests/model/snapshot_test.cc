// The snapshot file: what is written is read back, and what is damaged is refused.
#include "model/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/model.h"
#include "model/section_file.h"
#include "tests/model/forger.h"
#include "tests/model/tiny_snapshot.h"
#include "xxhash.h"

namespace adscore::model {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TinySnapshot;

class SnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = (fs::path(::testing::TempDir()) / ("snapshot_" + std::to_string(getpid()))).string();
    fs::remove(path_);
    ASSERT_TRUE(WriteSnapshot(tiny_.snapshot(), path_).ok());
    std::ifstream file(path_, std::ios::binary);
    good_.assign(std::istreambuf_iterator<char>(file), {});
  }
  void TearDown() override { fs::remove(path_); }

  absl::Status OpenBytes(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    return MappedSnapshot::Open(path_).status();
  }

  // `bytes` with the header's checksum made right again, as a forger would.
  static std::string WithHeaderChecksum(std::string bytes) {
    const uint64_t checksum = XXH3_64bits(bytes.data(), 56);
    std::memcpy(bytes.data() + 56, &checksum, sizeof(checksum));
    return bytes;
  }

  TinySnapshot tiny_;
  std::string path_;
  std::string good_;
};

TEST_F(SnapshotTest, ReadsBackWhatWasWritten) {
  const auto mapped = MappedSnapshot::Open(path_);
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const Snapshot& read = (*mapped)->snapshot();
  const Snapshot& written = tiny_.snapshot();
  EXPECT_EQ(read.schema, written.schema);
  EXPECT_EQ(read.provenance, written.provenance);
  ASSERT_EQ(read.heads.size(), written.heads.size());
  for (size_t h = 0; h < read.heads.size(); ++h) {
    EXPECT_EQ(read.heads[h].name, written.heads[h].name);
    EXPECT_EQ(read.heads[h].label, written.heads[h].label);
    EXPECT_EQ(read.heads[h].base_rate, written.heads[h].base_rate);
    EXPECT_EQ(read.heads[h].calibrator, written.heads[h].calibrator);
    EXPECT_EQ(read.heads[h].after, std::nullopt);
  }
  for (size_t i = 0; i < read.encodings.size(); ++i) {
    EXPECT_EQ(read.encodings[i].numeric, written.encodings[i].numeric);
    EXPECT_TRUE(
        std::ranges::equal(read.encodings[i].embedding.values, written.encodings[i].embedding.values));
    EXPECT_TRUE(
        std::ranges::equal(read.encodings[i].vocabulary.keys(), written.encodings[i].vocabulary.keys()));
  }
  for (size_t i = 0; i < read.layers.size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(read.layers[i].weights, written.layers[i].weights));
    EXPECT_TRUE(std::ranges::equal(read.layers[i].bias, written.layers[i].bias));
  }
  EXPECT_TRUE(std::ranges::equal(read.golden.probabilities, written.golden.probabilities));
  EXPECT_LE(Model(read, *AvailableKernelSets(Precision::kF32).front()).GoldenError(), 2e-6f);
}

TEST_F(SnapshotTest, ActivationsAndNumbersWithoutFlagsAreReadBack) {
  const Activation leaky = {ActivationKind::kLeakyRelu, 0.1f};
  const TinySnapshot tiny(
      {.hidden = {8, 4, 3}, .activations = {leaky, {}, {ActivationKind::kSoftplus}}, .flags = false});
  fs::remove(path_);
  ASSERT_TRUE(WriteSnapshot(tiny.snapshot(), path_).ok());
  const auto mapped = MappedSnapshot::Open(path_);
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const Snapshot& read = (*mapped)->snapshot();
  EXPECT_EQ(read.layers[0].activation, leaky);
  EXPECT_EQ(read.layers[1].activation, Activation{});
  EXPECT_EQ(read.layers[2].activation.kind, ActivationKind::kSoftplus);
  EXPECT_FALSE(read.encodings[0].numeric.flag);
  EXPECT_LE(Model(read, *AvailableKernelSets(Precision::kF32).front()).GoldenError(), 2e-6f);
}

// Readers of format 1 would take the factor for the product; what has no chains they can still read.
TEST_F(SnapshotTest, OnlyHeadsThatFollowOthersTakeFormat2) {
  EXPECT_EQ(testing::HeaderOf(good_).format_version, 1u);
  const TinySnapshot tiny({.heads = {"visit", "click", "conversion"}, .chained = true});
  fs::remove(path_);
  ASSERT_TRUE(WriteSnapshot(tiny.snapshot(), path_).ok());
  const auto mapped = MappedSnapshot::Open(path_);
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const Snapshot& read = (*mapped)->snapshot();
  EXPECT_EQ(read.heads[0].after, std::nullopt);
  EXPECT_EQ(read.heads[1].after, 0u);
  EXPECT_EQ(read.heads[2].after, 1u);
  EXPECT_LE(Model(read, *AvailableKernelSets(Precision::kF32).front()).GoldenError(), 2e-6f);

  std::ifstream file(path_, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(testing::HeaderOf(bytes).format_version, 2u);
  bytes[8] = 1;
  const absl::Status status = OpenBytes(WithHeaderChecksum(bytes));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("format 1 does not have"));
}

TEST_F(SnapshotTest, BentCalibratorsAreReadBackToTheBit) {
  TinySnapshot tiny({.bent = true});
  tiny.mutable_snapshot().heads[1].calibrator.knots = {{-1.1f, -1e-30f}, {0.3f, 1.0f / 3}, {7e20f, 3e38f}};
  tiny.RefreshGoldenRows();
  fs::remove(path_);
  ASSERT_TRUE(WriteSnapshot(tiny.snapshot(), path_).ok());
  const auto mapped = MappedSnapshot::Open(path_);
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const Snapshot& read = (*mapped)->snapshot();
  for (size_t h = 0; h < 2; ++h) EXPECT_EQ(read.heads[h].calibrator, tiny.snapshot().heads[h].calibrator);
}

TEST_F(SnapshotTest, KnotsThatLackTheirOtherHalfAreRefused) {
  const TinySnapshot tiny({.bent = true});
  fs::remove(path_);
  ASSERT_TRUE(WriteSnapshot(tiny.snapshot(), path_).ok());
  std::ifstream file(path_, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  std::vector<testing::NamedBytes> sections = testing::Sections(bytes);
  std::string& meta = sections[0].bytes;
  const size_t at = meta.find("\"to\"");
  ASSERT_NE(at, std::string::npos);
  const size_t comma = meta.find_last_of(',', meta.find(']', at));
  meta.erase(comma, meta.find(']', at) - comma);
  EXPECT_THAT(std::string(OpenBytes(testing::Assemble(sections)).message()),
              ::testing::HasSubstr("as many 'from' as 'to'"));
}

TEST_F(SnapshotTest, CrossesAreReadBackWithTheirVocabulariesAndStatistics) {
  const TinySnapshot tiny({.crosses = true});
  fs::remove(path_);
  ASSERT_TRUE(WriteSnapshot(tiny.snapshot(), path_).ok());
  const auto mapped = MappedSnapshot::Open(path_);
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const Snapshot& read = (*mapped)->snapshot();
  EXPECT_EQ(read.schema, tiny.snapshot().schema);
  ASSERT_EQ(read.encodings.size(), read.schema.features.size() + read.schema.crosses.size());
  for (size_t i = read.schema.features.size(); i < read.encodings.size(); ++i) {
    const FeatureEncoding& written = tiny.snapshot().encodings[i];
    EXPECT_TRUE(std::ranges::equal(read.encodings[i].vocabulary.keys(), written.vocabulary.keys()));
    EXPECT_TRUE(std::ranges::equal(read.encodings[i].vocabulary.ids(), written.vocabulary.ids()));
    EXPECT_TRUE(std::ranges::equal(read.encodings[i].embedding.values, written.embedding.values));
    EXPECT_TRUE(std::ranges::equal(read.encodings[i].statistics.values, written.statistics.values));
  }
  EXPECT_LE(Model(read, *AvailableKernelSets(Precision::kF32).front()).GoldenError(), 2e-6f);
}

TEST_F(SnapshotTest, BucketsAreReadBack) {
  TinySnapshot tiny({.crosses = true, .buckets = true});
  tiny.mutable_snapshot().schema.features[1].max_vocabulary = 7;
  fs::remove(path_);
  ASSERT_TRUE(WriteSnapshot(tiny.snapshot(), path_).ok());
  const auto mapped = MappedSnapshot::Open(path_);
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const Snapshot& read = (*mapped)->snapshot();
  EXPECT_EQ(read.schema, tiny.snapshot().schema);
  for (size_t i = 0; i < read.encodings.size(); ++i) {
    EXPECT_EQ(read.encodings[i].vocabulary.buckets(), tiny.snapshot().encodings[i].vocabulary.buckets());
  }
  EXPECT_EQ(read.encodings[1].vocabulary.buckets(), 2u);
  EXPECT_LE(Model(read, *AvailableKernelSets(Precision::kF32).front()).GoldenError(), 2e-6f);
}

TEST_F(SnapshotTest, WhatIsLeftAtItsDefaultIsNotWritten) {
  for (const char* key : {"\"knots\"", "\"activation\"", "\"alpha\"", "\"flag\"", "\"members\"",
                          "\"crosses\"", "\"buckets\"", "\"max_vocabulary\""}) {
    EXPECT_EQ(good_.find(key), std::string::npos) << key;
  }
}

TEST_F(SnapshotTest, WritingTheSameSnapshotGivesTheSameBytes) {
  const std::string again = path_ + ".again";
  fs::remove(again);
  ASSERT_TRUE(WriteSnapshot(TinySnapshot().snapshot(), again).ok());
  std::ifstream file(again, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), good_);
  fs::remove(again);
}

TEST_F(SnapshotTest, NeverOverwrites) {
  EXPECT_EQ(WriteSnapshot(tiny_.snapshot(), path_).code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(SnapshotTest, SectionsAre64ByteAligned) {
  const auto sections = ListSections(path_);
  ASSERT_TRUE(sections.ok());
  EXPECT_EQ(sections->front().name, "meta");
  for (const SectionInfo& section : *sections) EXPECT_EQ(section.offset % 64, 0u) << section.name;
}

TEST_F(SnapshotTest, ThereMustBeAFile) {
  EXPECT_EQ(MappedSnapshot::Open(path_ + ".nowhere").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MappedSnapshot::Open(::testing::TempDir()).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(SnapshotTest, EveryTruncationAndExtensionIsRefused) {
  for (size_t size = 0; size < good_.size(); size += 1 + size / 37) {
    EXPECT_FALSE(OpenBytes(good_.substr(0, size)).ok()) << size << " bytes";
  }
  EXPECT_FALSE(OpenBytes(good_.substr(0, good_.size() - 1)).ok());
  EXPECT_FALSE(OpenBytes(good_ + '\0').ok());
}

TEST_F(SnapshotTest, AFlippedBitIsRefusedOrLiesInThePaddingBetweenSections) {
  std::vector<bool> meaningful(good_.size(), false);
  const auto sections = ListSections(path_);
  ASSERT_TRUE(sections.ok());
  std::fill_n(meaningful.begin(), 64 + 64 * sections->size(), true);
  for (const SectionInfo& section : *sections) {
    std::fill_n(meaningful.begin() + static_cast<ptrdiff_t>(section.offset), section.size, true);
  }
  std::mt19937 generator(5);
  std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&file](size_t at, char byte) {
    file.seekp(static_cast<std::streamoff>(at)).put(byte).flush();
  };
  for (int i = 0; i < 2000; ++i) {
    const size_t at = generator() % good_.size();
    put(at, static_cast<char>(good_[at] ^ (1 << (generator() % 8))));
    EXPECT_EQ(MappedSnapshot::Open(path_).ok(), !meaningful[at]) << "byte " << at;
    put(at, good_[at]);
  }
}

TEST_F(SnapshotTest, ANewerFormatSaysToUpgradeTheServer) {
  std::string bytes = good_;
  bytes[8] = static_cast<char>(kFormatVersion + 1);
  const absl::Status status = OpenBytes(WithHeaderChecksum(bytes));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("upgrade the server"));
}

TEST_F(SnapshotTest, AForeignFileIsNamedAsSuch) {
  EXPECT_THAT(std::string(OpenBytes(std::string(4096, 'x')).message()), HasSubstr("not an adscore snapshot"));
}

TEST_F(SnapshotTest, AnInflatedSectionCountIsRefusedWithoutReadingPastTheFile) {
  std::string bytes = good_;
  std::memset(bytes.data() + 12, 0xff, 4);
  EXPECT_THAT(std::string(OpenBytes(WithHeaderChecksum(bytes)).message()), HasSubstr("section table"));
}

// `meta` of the good file after one replacement, in a file that is right in every checksum.
class MetaTest : public SnapshotTest {
 protected:
  absl::StatusOr<std::unique_ptr<const MappedSnapshot>> OpenWith(const std::string& old_text,
                                                                 const std::string& new_text) {
    std::vector<testing::NamedBytes> sections = testing::Sections(good_);
    const size_t at = sections[0].bytes.find(old_text);
    EXPECT_NE(at, std::string::npos) << old_text;
    sections[0].bytes.replace(at, old_text.size(), new_text);
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << testing::Assemble(sections);
    return MappedSnapshot::Open(path_);
  }
};

TEST_F(MetaTest, TheFingerprintMustBeThatOfTheSchema) {
  const std::string right = absl::StrCat(absl::Hex(Fingerprint(tiny_.snapshot().schema), absl::kZeroPad16));
  ASSERT_TRUE(OpenWith(right, right).ok());
  const absl::Status status = OpenWith(right, "0123456789abcdef").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("schema_fingerprint"));
  EXPECT_THAT(std::string(status.message()), HasSubstr(right));
}

TEST_F(MetaTest, WhatCameLaterMayBeMissing) {
  ASSERT_TRUE(OpenWith("\"schema_fingerprint\"", "\"x\"").ok());
  const auto mapped = OpenWith("\"parent_version\"", "\"y\"");
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  EXPECT_EQ((*mapped)->snapshot().provenance.parent_version, 0);
}

TEST_F(MetaTest, ACountMustBeAWholeNumberThatIsWrittenAsOne) {
  for (const char* wrong : {"8.0", "8e0", "-8", "\"8\"", "true", "1e99", "18446744073709551616"}) {
    const absl::Status status = OpenWith("\"rows\": 8", std::string("\"rows\": ") + wrong).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << wrong;
  }
}

TEST(ValidateFiniteTest, FindsOneBadNumberWhereverItIs) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    TinySnapshot tiny;
    EmbeddingTable& table = tiny.mutable_snapshot().encodings[1].embedding;
    std::vector<float> values(table.values.begin(), table.values.end());
    table.values = values;
    values[0] = std::numeric_limits<float>::max();  // large, and fine
    values[1] = std::numeric_limits<float>::denorm_min();
    ASSERT_TRUE(Validate(tiny.snapshot()).ok());
    ASSERT_NE(values.size() % 16, 0u);
    for (float& value : values) {
      const float good = std::exchange(value, bad);
      EXPECT_EQ(Validate(tiny.snapshot()).code(), absl::StatusCode::kInvalidArgument);
      value = good;
    }
  }
}

// Snapshots that contradict themselves: each spoils a good one, and names what Validate must name.
struct Spoiled {
  const char* name;
  const char* message;
  void (*spoil)(Snapshot*);
};

class ValidateTest : public ::testing::TestWithParam<Spoiled> {};

TEST_P(ValidateTest, IsRefusedByReaderAndWriter) {
  TinySnapshot tiny({.crosses = true});
  GetParam().spoil(&tiny.mutable_snapshot());
  const absl::Status status = Validate(tiny.snapshot());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
  const std::string path = (fs::path(::testing::TempDir()) / "spoiled").string();
  fs::remove(path);
  EXPECT_EQ(WriteSnapshot(tiny.snapshot(), path), status);
  EXPECT_FALSE(fs::exists(path));
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

INSTANTIATE_TEST_SUITE_P(
    Spoiled, ValidateTest,
    ::testing::Values(
        Spoiled{"NoFeatures", "no features", [](Snapshot* s) { s->schema.features.clear(); }},
        Spoiled{"RepeatedName", "repeated name", [](Snapshot* s) { s->schema.features[1].name = "hour"; }},
        Spoiled{"MissingEncoding", "one per feature", [](Snapshot* s) { s->encodings.pop_back(); }},
        Spoiled{"CrossOfNothing", "not there", [](Snapshot* s) { s->schema.crosses[0].first = 99; }},
        Spoiled{"CrossTwice", "appears twice",
                [](Snapshot* s) { s->schema.crosses[1] = s->schema.crosses[0]; }},
        Spoiled{"CrossOfTwoLists", "both are lists",
                [](Snapshot* s) { s->schema.crosses[7].kind = CrossKind::kProduct; }},
        Spoiled{"CrossWithoutEncoding", "one per feature and cross",
                [](Snapshot* s) { s->schema.crosses.push_back({CrossKind::kMatch, 1, 4}); }},
        Spoiled{"CrossEmbeddingTooShort", "feature 'cross(ad,tags)': embedding of",
                [](Snapshot* s) { ++s->encodings[6].embedding.rows; }},
        Spoiled{"CrossWithNumbers", "needs an embedding",
                [](Snapshot* s) { s->encodings[6] = s->encodings[3]; }},
        Spoiled{"ScaleNotFinite", "not finite",
                [](Snapshot* s) { s->encodings[0].numeric.scale = kInfinity; }},
        Spoiled{"ScaleZero", "scale must be positive",
                [](Snapshot* s) { s->encodings[0].numeric.scale = 0; }},
        Spoiled{"EdgesNotAscending", "ascending", [](Snapshot* s) { s->encodings[0].numeric.edges[1] = 6; }},
        Spoiled{"TooManyEdges", "embedding rows",
                [](Snapshot* s) { s->encodings[0].numeric.edges.push_back(20); }},
        Spoiled{"EmbeddingTooShort", "embedding of", [](Snapshot* s) { ++s->encodings[1].embedding.rows; }},
        Spoiled{"EmbeddingOverflows", "embedding of",
                [](Snapshot* s) { s->encodings[1].embedding.rows = size_t{1} << 63; }},
        Spoiled{"VocabularyIdOutside", "outside of the embedding",
                [](Snapshot* s) {
                  EmbeddingTable& table = s->encodings[2].embedding;
                  table = {.rows = 4, .dim = table.dim, .values = table.values.first(4 * table.dim)};
                }},
        Spoiled{"FewerStatisticsThanEmbeddings", "fewer statistics",
                [](Snapshot* s) {
                  EmbeddingTable& table = s->encodings[1].statistics;
                  table = {.rows = 4, .dim = table.dim, .values = table.values.first(4 * table.dim)};
                }},
        Spoiled{"StatisticsTooShort", "statistics of",
                [](Snapshot* s) { ++s->encodings[1].statistics.rows; }},
        Spoiled{"VocabularyNotPowerOfTwo", "power of two",
                [](Snapshot* s) {
                  const Vocabulary& v = s->encodings[1].vocabulary;
                  s->encodings[1].vocabulary = Vocabulary(v.keys().first(3), v.ids().first(3));
                }},
        Spoiled{"LayerInputs", "inputs, but gets", [](Snapshot* s) { ++s->layers[1].inputs; }},
        Spoiled{"LayerWeights", "weights and",
                [](Snapshot* s) { s->layers[0].weights = s->layers[0].weights.subspan(1); }},
        Spoiled{"WeightNotFinite", "not finite",
                [](Snapshot* s) {
                  static const std::vector<float> kBias = {kNaN, 0};
                  s->layers[2].bias = kBias;
                }},
        Spoiled{"AlphaNotFinite", "alpha is not finite",
                [](Snapshot* s) {
                  s->layers[0].activation = {ActivationKind::kElu, kInfinity};
                }},
        Spoiled{"OutputWithActivation", "an output layer with an activation",
                [](Snapshot* s) { s->layers[2].activation = {ActivationKind::kTanh}; }},
        Spoiled{"NoLayers", "there are none", [](Snapshot* s) { s->layers.clear(); }},
        Spoiled{"OneHeadTooMany", "logits for",
                [](Snapshot* s) {
                  s->heads.push_back({.name = "x", .label = {}, .base_rate = 0, .calibrator = {}});
                }},
        Spoiled{"BaseRate", "base rate", [](Snapshot* s) { s->heads[0].base_rate = 1.5; }},
        Spoiled{"AfterItself", "none of the 1 before it", [](Snapshot* s) { s->heads[1].after = 1; }},
        Spoiled{"AfterALaterOne", "none of the 0 before it", [](Snapshot* s) { s->heads[0].after = 1; }},
        Spoiled{"ParentVersion", "parent version", [](Snapshot* s) { s->provenance.parent_version = -1; }},
        Spoiled{"TrainingWindow", "training window",
                [](Snapshot* s) {
                  s->provenance.training_from = 2;
                  s->provenance.training_to = 1;
                }},
        Spoiled{"Calibrator", "calibrator", [](Snapshot* s) { s->heads[0].calibrator.offset = kNaN; }},
        Spoiled{"OneKnot", "1 knots", [](Snapshot* s) { s->heads[0].calibrator.knots = {{0, 0}}; }},
        Spoiled{"TooManyKnots", "65 knots",
                [](Snapshot* s) {
                  for (int i = 0; i < 65; ++i)
                    s->heads[0].calibrator.knots.push_back({static_cast<float>(i), static_cast<float>(i)});
                }},
        Spoiled{"KnotsDescend", "ascending",
                [](Snapshot* s) { s->heads[0].calibrator.knots = {{0, 0}, {1, 1}, {2, 0.5f}}; }},
        Spoiled{"KnotsTie", "ascending",
                [](Snapshot* s) { s->heads[0].calibrator.knots = {{0, 0}, {0, 1}}; }},
        Spoiled{"KnotNotFinite", "finite",
                [](Snapshot* s) { s->heads[0].calibrator.knots = {{0, 0}, {kInfinity, 1}}; }},
        Spoiled{"GoldenProbability", "outside of [0, 1]",
                [](Snapshot* s) {
                  static const std::vector<float> kProbabilities(16, 1.5f);
                  s->golden.probabilities = kProbabilities;
                }},
        Spoiled{"GoldenRowsInflated", "one probability per row",
                [](Snapshot* s) {
                  s->golden.rows = s->golden.context.rows = s->golden.candidates.rows = size_t{1} << 62;
                }}),
    [](const auto& spoiled) { return spoiled.param.name; });

}  // namespace
}  // namespace adscore::model
