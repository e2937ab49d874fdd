// Logs that do not fit into memory: read, encoded and trained on block by block, with the same results as in
// memory, for any number of threads, and with nothing left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <numeric>
#include <string>
#include <utility>

#include "tests/trainer/test_data.h"
#include "trainer/block_reader.h"
#include "trainer/commands/report_content.h"
#include "trainer/dataset_reader.h"
#include "trainer/encoded_data.h"
#include "trainer/fit.h"
#include "trainer/golden_rows.h"
#include "trainer/progressive.h"
#include "trainer/row_subset.h"

namespace adscore::trainer {
namespace {

using model::Feature;
using model::FeatureKind;
using model::FeatureRole;
using testing::ElementsAreArray;
using testing::HasSubstr;

constexpr size_t kRows = 2 * kBlockRows + 777;
const std::vector<model::Label> kLabels = {{"click", ""}, {"buy", ""}};
const auto kQuietly = [](const TrainingProgress&) {};

// Every kind of feature, with gaps; rows at the end have tokens that others do not.
std::string LogText() {
  std::string text = "click,buy,amount,site,tags,hour\n";
  Random random(3);
  for (size_t row = 0; row < kRows; ++row) {
    const uint64_t site = random.Below(40) + row / 20'000;
    const uint64_t tags = random.Below(4);
    const bool click = random.Below(10) < 2 + site % 4;
    text += click ? "1," : "0,";
    text += click && random.Below(4) == 0 ? "1," : "0,";
    text += random.Below(10) == 0 ? "," : std::to_string(random.Below(5000)) + ".25,";
    text += site == 7 ? "," : "s" + std::to_string(site) + ",";
    for (uint64_t i = 0; i < tags; ++i) text += (i == 0 ? "t" : "|t") + std::to_string(random.Below(30));
    text += "," + std::to_string(random.Below(24)) + "\n";
  }
  return text;
}

class StreamingTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TestDirectory;
    log_ = directory_->File("log.csv", LogText());
    std::filesystem::create_directory(CacheDirectory());
  }
  static void TearDownTestSuite() { delete directory_; }

  static std::string CacheDirectory() { return directory_->path() + "/cache"; }

  static absl::StatusOr<Dataset> Read(size_t memory_bytes, const std::string& cache = CacheDirectory()) {
    const model::Schema schema = {
        .features = {Feature{.name = "tags", .kind = FeatureKind::kMultiCategorical},
                     Feature{.name = "amount"}, Feature{.name = "hour", .role = FeatureRole::kContext},
                     Feature{.name = "site", .kind = FeatureKind::kCategorical}},
        .crosses = {{model::CrossKind::kProduct, 0, 3},  // a list and a name
                    {model::CrossKind::kProduct, 1, 3},  // a number and a name
                    {model::CrossKind::kMatch, 0, 3}}};
    return ReadDataset(log_, data::Format::kCsv, schema, kLabels, true, nullptr, {memory_bytes, cache});
  }

  static FitOptions SmallOptions() {
    FitOptions options;
    options.labels = kLabels;
    options.training.hidden = {4};
    options.training.batch_size = 1024;
    options.training.epochs = 1;
    options.memory_bytes = 16 << 20;  // windows of some 50,000 rows
    return options;
  }

  static TestDirectory* directory_;
  static std::string log_;
};

TestDirectory* StreamingTest::directory_ = nullptr;
std::string StreamingTest::log_;

void ExpectSame(const EncodedRows& a, const EncodedRows& b) {
  ASSERT_EQ(a.rows, b.rows);
  EXPECT_TRUE(std::equal(a.numbers.begin(), a.numbers.end(), b.numbers.begin(), b.numbers.end(),
                         [](const model::EncodedNumber& x, const model::EncodedNumber& y) {
                           return x.value == y.value && x.missing == y.missing && x.bin == y.bin;
                         }));
  EXPECT_EQ(a.ids, b.ids);
  EXPECT_EQ(a.multi_begin, b.multi_begin);
  EXPECT_EQ(a.multi_ids, b.multi_ids);
  EXPECT_EQ(a.statistics, b.statistics);
  EXPECT_EQ(a.labels, b.labels);
}

TEST_F(StreamingTest, EncodersAndEncodedRowsAreThoseOfTheLogInMemory) {
  const Dataset whole = Read(size_t{1} << 30).value();
  const Dataset cached = Read(1 << 20).value();
  ASSERT_EQ(whole.cache, nullptr);
  ASSERT_NE(cached.cache, nullptr);
  EXPECT_EQ(cached.rows, kRows);
  EXPECT_EQ(cached.blocks(), 3U);
  EXPECT_EQ(cached.labels, whole.labels);
  for (size_t f = 0; f < whole.columns.size(); ++f) {
    EXPECT_EQ(cached.columns[f].missing, whole.columns[f].missing);
  }

  std::vector<uint32_t> training;
  for (uint32_t row = 0; row < kRows; row += 1 + row % 3) training.push_back(row);
  const FittedEncoders expected = FitEncoders(whole, training, {}).value();
  EncoderOptions few_at_once;
  few_at_once.counted_at_once = 7;  // many passes
  const FittedEncoders fitted = FitEncoders(cached, training, few_at_once).value();
  ASSERT_EQ(expected.encodings.size(), 7U);
  for (size_t f = 0; f < expected.encodings.size(); ++f) {
    EXPECT_EQ(fitted.encodings[f].numeric, expected.encodings[f].numeric);
    EXPECT_EQ(fitted.encodings[f].embedding.rows, expected.encodings[f].embedding.rows);
    EXPECT_EQ(fitted.slots[f].keys, expected.slots[f].keys);
    EXPECT_EQ(fitted.slots[f].ids, expected.slots[f].ids);
    ASSERT_EQ(fitted.statistics[f].has_value(), expected.statistics[f].has_value());
    if (!expected.statistics[f]) continue;
    EXPECT_THAT(fitted.statistics[f]->table(), ElementsAreArray(expected.statistics[f]->table()));
  }

  const InputLayout layout = LayOutInput(whole.schema, expected.encodings);
  EncodedRows in_memory;
  AppendEncoded(whole, AllRows(whole), 0, whole.labels, layout, expected, &in_memory);
  EncodedRows streamed;
  const absl::Status read = ForEachBlock(
      cached, AllRows(cached), [&](const Dataset& block, std::span<const uint32_t> rows, size_t begin) {
        AppendEncoded(block, rows, begin, cached.labels, layout, fitted, &streamed);
        return absl::OkStatus();
      });
  ASSERT_TRUE(read.ok()) << read;
  ExpectSame(streamed, in_memory);

  EXPECT_THAT(ChooseGoldenRows(cached, training, 64).value(),
              ElementsAreArray(ChooseGoldenRows(whole, training, 64).value()));
}

TEST_F(StreamingTest, AnEpochsWindowsHoldEachRowOnceAndRowsOfSeveralBlocks) {
  const Dataset data = Read(1 << 20).value();
  const FittedEncoders encoders = FitEncoders(data, AllRows(data), {}).value();
  const InputLayout layout = LayOutInput(data.schema, encoders.encodings);
  const EncodedData encoded(data, layout, encoders, 20 << 20);
  const std::vector<uint32_t> rows = AllRows(data);
  constexpr size_t kBatch = 1000;
  WindowReader reader(encoded, rows, kBatch, 1);
  std::vector<size_t> sizes[2];
  for (std::vector<size_t>& epoch : sizes) {
    double positives = 0;
    for (size_t seen = 0; seen < rows.size();) {
      const WindowReader::Window* window = reader.Next().value();
      EXPECT_THAT(window->ids, testing::SizeIs(window->encoded->rows));
      seen += window->ids.size();
      EXPECT_TRUE(window->ids.size() % kBatch == 0 || seen == rows.size());
      EXPECT_LT(window->ids.size(), rows.size());
      for (size_t i = 0; i < window->ids.size(); ++i) positives += window->encoded->labels[2 * i];
      epoch.push_back(window->ids.size());
    }
    EXPECT_EQ(positives, std::accumulate(data.labels[0].begin(), data.labels[0].end(), 0.0));
    EXPECT_GT(epoch.size(), 1U);
  }
  EXPECT_EQ(sizes[0], sizes[1]);
}

TEST_F(StreamingTest, TrainingIsTheSameForAnyNumberOfThreadsAndAboutAsGoodAsInMemory) {
  const Dataset cached = Read(1 << 20).value();
  FitOptions options = SmallOptions();
  const FittedModel one = FitModel(cached, options, kQuietly).value();
  options.training.threads = 3;
  const FittedModel three = FitModel(cached, options, kQuietly).value();
  for (size_t l = 0; l < one.model->snapshot().layers.size(); ++l) {
    EXPECT_THAT(one.model->snapshot().layers[l].weights,
                ElementsAreArray(three.model->snapshot().layers[l].weights));
  }
  EXPECT_EQ(one.validation[0].log_loss, three.validation[0].log_loss);

  const FittedModel in_memory = FitModel(Read(size_t{1} << 30).value(), options, kQuietly).value();
  EXPECT_NEAR(one.validation[0].log_loss, in_memory.validation[0].log_loss, 0.01);
  EXPECT_LT(*one.validation[0].normalized_entropy, 0.99);
}

TEST_F(StreamingTest, BatchNormalisationIsTheSameForAnyNumberOfThreads) {
  const Dataset cached = Read(1 << 20).value();
  FitOptions options = SmallOptions();
  options.training.batch_norm = true;
  const FittedModel one = FitModel(cached, options, kQuietly).value();
  options.training.threads = 3;
  const FittedModel three = FitModel(cached, options, kQuietly).value();
  EXPECT_THAT(one.model->snapshot().layers[0].weights,
              ElementsAreArray(three.model->snapshot().layers[0].weights));
  EXPECT_LT(*one.validation[0].normalized_entropy, 0.99);
}

TEST_F(StreamingTest, TheFirstRowsOfACacheAreThoseOfTheLogInMemory) {
  constexpr size_t kFirst = kBlockRows + 1234;
  const Dataset whole = FirstRows(Read(size_t{1} << 30).value(), kFirst).value();
  const Dataset cached = FirstRows(Read(1 << 20).value(), kFirst).value();  // outlives the cache of all rows
  ASSERT_NE(cached.cache, nullptr);
  EXPECT_EQ(cached.rows, kFirst);
  EXPECT_EQ(cached.blocks(), 2U);
  EXPECT_EQ(cached.BlockEnd(1), kFirst);
  EXPECT_EQ(cached.labels, whole.labels);
  const std::vector<uint32_t> rows = AllRows(whole);
  const FittedEncoders expected = FitEncoders(whole, rows, {}).value();
  const FittedEncoders fitted = FitEncoders(cached, rows, {}).value();
  const InputLayout layout = LayOutInput(whole.schema, expected.encodings);
  ExpectSame(EncodedData(cached, layout, fitted, 1 << 20).Copy(rows).value(),
             EncodedData(whole, layout, expected, 1 << 20).Copy(rows).value());
}

TEST_F(StreamingTest, ProgressiveValidationIsAboutThatOfTheLogInMemory) {
  const auto validate = [](size_t memory_bytes, size_t threads) {
    FitOptions options = SmallOptions();
    options.training.threads = threads;
    return ProgressiveValidation(Read(memory_bytes).value(), options, 2, kQuietly).value();
  };
  const ProgressiveResult streamed = validate(1 << 20, 1);
  const ProgressiveResult in_memory = validate(size_t{1} << 30, 3);
  ASSERT_EQ(streamed.parts.size(), 2U);
  for (size_t part = 0; part < 2; ++part) {
    EXPECT_EQ(streamed.parts[part].first_row, in_memory.parts[part].first_row);
    EXPECT_EQ(streamed.parts[part].rows, in_memory.parts[part].rows);
    EXPECT_NEAR(streamed.parts[part].figures[0].log_loss, in_memory.parts[part].figures[0].log_loss, 0.01);
  }
  EXPECT_EQ(streamed.pooled[1].rows, in_memory.pooled[1].rows);
  EXPECT_NEAR(streamed.pooled[1].log_loss, in_memory.pooled[1].log_loss, 0.01);
  EXPECT_EQ(validate(1 << 20, 3).pooled[1].log_loss, streamed.pooled[1].log_loss);
}

TEST_F(StreamingTest, WhatAReportMeasuresIsWhatItMeasuresInMemory) {
  const Dataset whole = Read(size_t{1} << 30).value();
  const Dataset cached = Read(1 << 20).value();
  const FittedModel fitted = FitModel(cached, SmallOptions(), kQuietly).value();
  const model::Model model(fitted.model->snapshot(),
                           *model::AvailableKernelSets(model::Precision::kF32).front());
  const std::vector<uint32_t> all = AllRows(whole);
  const std::vector<uint32_t> rows(all.end() - static_cast<std::ptrdiff_t>(fitted.validation_rows),
                                   all.end());
  report::Content of_cache;
  report::Content of_memory;
  for (const auto& [data, content] : {std::pair(&cached, &of_cache), std::pair(&whole, &of_memory)}) {
    const absl::Status measured =
        Measure({model, *data, rows, fitted.validation_probabilities, log_}, content);
    ASSERT_TRUE(measured.ok()) << measured;
    content->figures = fitted.validation;
  }
  EXPECT_EQ(of_memory.columns.size(), 4U);
  EXPECT_EQ(of_memory.slices.size(), 3U);
  EXPECT_EQ(report::Page(of_cache), report::Page(of_memory));
}

TEST_F(StreamingTest, NothingIsLeftInTheCacheDirectory) {
  const Dataset cached = Read(1 << 20).value();
  ASSERT_NE(cached.cache, nullptr);
  EXPECT_TRUE(std::filesystem::is_empty(CacheDirectory())) << "not even while it is in use";
}

TEST_F(StreamingTest, ADirectoryThatIsNotThereIsSaidWithTheFlagThatNamesAnother) {
  const absl::Status status = Read(1 << 20, directory_->path() + "/none").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), testing::AllOf(HasSubstr("/none"), HasSubstr("--cache-dir")));
}

TEST_F(StreamingTest, AFullDiskIsSaidWithTheWaysOut) {
  // A limit on the size of files fails the same write that a full disk does.
  rlimit before = {};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit low = {3 << 20, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &low);
  const absl::Status status = Read(1 << 20).status();
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), testing::AllOf(HasSubstr(CacheDirectory()), HasSubstr("0.0 GB"),
                                                            HasSubstr("--cache-dir"), HasSubstr("--memory")));
  EXPECT_TRUE(std::filesystem::is_empty(CacheDirectory()));
}

TEST_F(StreamingTest, ACacheThatBecameShorterEndsTheFitWithAnError) {
  const Dataset cached = Read(1 << 20).value();
  // The file has no name; the process's list of open files has it.
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code none;
    const std::string target = std::filesystem::read_symlink(entry.path(), none).string();
    if (target.starts_with(CacheDirectory())) std::filesystem::resize_file(entry.path(), 2 << 20);
  }
  const absl::Status status = FitModel(cached, SmallOptions(), kQuietly).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("--cache-dir"));
}

}  // namespace
}  // namespace adscore::trainer
