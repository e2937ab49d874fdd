// The request log from what was answered to the files: what is in them, what is dropped, which files there
// are.
#include "server/request_log/request_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "request_log/log_files.h"
#include "request_log/log_reader.h"
#include "server/request_log/log_record.h"
#include "server/serving/request_sampler.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/kept_log.h"
#include "tests/server/served_models.h"
#include "tests/server/temp_directory.h"

namespace adscore::server {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Of one file, up to its end.
std::vector<v1::LoggedRequest> ReadFile(const std::string& path) {
  std::vector<v1::LoggedRequest> records;
  const auto reader = request_log::LogReader::Open(path);
  EXPECT_TRUE(reader.ok()) << reader.status();
  v1::LoggedRequest record;
  for (;;) {
    const auto read = (*reader)->Next(&record);
    EXPECT_TRUE(read.ok()) << read.status();
    if (!read.value_or(false)) return records;
    records.push_back(record);
  }
}

// Of all complete files, in order.
std::vector<v1::LoggedRequest> ReadAll(const std::string& directory) {
  std::vector<v1::LoggedRequest> records;
  const auto files = request_log::FindLogFiles(directory);
  EXPECT_TRUE(files.ok()) << files.status();
  for (const std::string& file : *files) {
    for (const v1::LoggedRequest& record : ReadFile(file)) records.push_back(record);
  }
  return records;
}

std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

class RequestLogTest : public ::testing::Test {
 protected:
  RequestLogOptions Options() const { return {.directory = directory_.path() + "/log", .share = 1}; }

  // `rows` candidates of the model, answered with a probability of its own for each value.
  void Offer(AnsweredRequests* answered, size_t rows, int64_t version = 7) {
    const model::Schema& schema = snapshot_.snapshot().schema;
    const model::testing::RandomColumns context(schema, model::FeatureRole::kContext, 1, 1);
    const model::testing::RandomColumns candidates(schema, model::FeatureRole::kCandidate, rows, 2);
    std::vector<float> probabilities;
    for (size_t i = 0; i < rows * 2; ++i) probabilities.push_back(static_cast<float>(i) / 4096);
    const auto served = MakeServed(snapshot_.snapshot(), "ads", version, &metrics_);
    answered->Offer(*served, {.context = context.columns, .candidates = candidates.columns}, probabilities);
  }

  const TempDirectory directory_;
  const model::testing::TinySnapshot snapshot_;
  ServerMetrics metrics_{1, [] { return LiveState{}; }};
};

TEST(RequestSamplerTest, TakesTheShareThatItIsTold) {
  RequestSampler sampler(0);
  int taken = 0;
  for (int i = 0; i < 100'000; ++i) taken += sampler.Take(0.1) ? 1 : 0;
  EXPECT_NEAR(taken, 10'000, 500);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(sampler.Take(0));
    EXPECT_TRUE(sampler.Take(1));
  }
}

TEST_F(RequestLogTest, WhatWasAnsweredIsInTheFile) {
  const auto before = std::chrono::system_clock::now();
  {
    RequestLog log(Options(), {});
    Offer(&log.answered(), 3, 7);
    Offer(&log.answered(), 1, 8);
  }
  const std::vector<v1::LoggedRequest> records = ReadAll(Options().directory);
  ASSERT_THAT(records, SizeIs(2));
  const v1::LoggedRequest& record = records[0];
  EXPECT_EQ(record.model(), "ads");
  EXPECT_EQ(record.version(), 7);
  EXPECT_EQ(record.candidate_count(), 3u);
  EXPECT_GE(record.time().seconds(), std::chrono::system_clock::to_time_t(before));
  const model::Schema& schema = snapshot_.snapshot().schema;
  EXPECT_EQ(record.features().schema_fingerprint(), model::Fingerprint(schema));
  const model::testing::RandomColumns candidates(schema, model::FeatureRole::kCandidate, 3, 2);
  const auto& packed = record.features().candidates();
  EXPECT_TRUE(std::equal(packed.categorical().begin(), packed.categorical().end(),
                         candidates.columns.categorical.begin(), candidates.columns.categorical.end()));
  EXPECT_TRUE(std::equal(packed.multi().begin(), packed.multi().end(), candidates.columns.multi.begin(),
                         candidates.columns.multi.end()));
  EXPECT_EQ(packed.numeric_size(), static_cast<int>(candidates.columns.numeric.size()));
  EXPECT_GT(record.features().context().categorical_size(), 0);
  ASSERT_EQ(record.heads_size(), 2);
  EXPECT_EQ(record.heads(0).head(), "click");
  EXPECT_THAT(record.heads(0).probability(), ElementsAre(0, 2 / 4096.0F, 4 / 4096.0F));
  EXPECT_THAT(record.heads(1).probability(), ElementsAre(1 / 4096.0F, 3 / 4096.0F, 5 / 4096.0F));
  EXPECT_EQ(records[1].version(), 8);
}

TEST_F(RequestLogTest, WhatAnEarlierServerLeftIsCompleteAtOnceAndALogOfNothingLeavesNoFile) {
  fs::create_directory(Options().directory);
  const std::string left = "requests-20200101T000000.000000-1.pb";
  std::ofstream(Options().directory + "/" + left + ".part") << "left";
  {
    const RequestLog log(Options(), {});
    EXPECT_THAT(*request_log::FindLogFiles(Options().directory), ElementsAre(EndsWith(left)));
  }
  EXPECT_THAT(NamesIn(Options().directory), ElementsAre(left));
}

TEST_F(RequestLogTest, WhatFindsNoRoomIsDroppedAndCounted) {
  AnsweredRequests answered(1, request_log::kMostRecordBytes);
  Offer(&answered, request_log::kMostRecordBytes / 8);  // the probabilities alone
  EXPECT_EQ(answered.dropped(LogDrop::kTooLarge), 1u);
  EXPECT_THAT(answered.Take(), SizeIs(0));

  int offered = 0;
  while (answered.dropped(LogDrop::kQueueFull) == 0) {
    Offer(&answered, 10'000);
    ++offered;
  }
  const std::vector<AnsweredRequest> taken = answered.Take();
  EXPECT_EQ(taken.size() + 1, static_cast<size_t>(offered));
  size_t bytes = 0;
  for (const AnsweredRequest& request : taken) bytes += request.bytes;
  EXPECT_LE(bytes, AnsweredRequests::kMostWaitingBytes);
  Offer(&answered, 10'000);
  EXPECT_THAT(answered.Take(), SizeIs(1)) << "there is room again";
}

TEST_F(RequestLogTest, LoopsAndTheWriterWorkAtTheSameTime) {
  constexpr int kLoops = 3;
  constexpr int kRequests = 300;
  {
    RequestLog log(Options(), {});
    std::vector<std::thread> loops;
    for (int i = 0; i < kLoops; ++i) {
      loops.emplace_back([&] {
        for (int r = 0; r < kRequests; ++r) Offer(&log.answered(), 2);
      });
    }
    log.answered().SetShare(0.5);
    for (std::thread& loop : loops) loop.join();
  }
  EXPECT_THAT(ReadAll(Options().directory), SizeIs(kLoops * kRequests));
}

// Waits until `done`, up to 20 s.
template <typename Done>
bool Await(const Done& done) {
  for (int i = 0; i < 4000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

TEST_F(RequestLogTest, ADirectoryThatCannotBeWrittenToCostsRecordsAndOneLine) {
  const KeptLog lines;
  std::ofstream(Options().directory) << "a file where the directory should be";
  RequestLog log(Options(), {});
  for (uint64_t i = 1; i <= 3; ++i) {
    Offer(&log.answered(), 1);
    ASSERT_TRUE(Await([&] { return log.counts().dropped[static_cast<size_t>(LogDrop::kWriteFailed)] == i; }));
  }
  EXPECT_EQ(lines.Count("request log: "), 1);
  EXPECT_EQ(lines.Count(Options().directory), 1);

  fs::remove(Options().directory);
  Offer(&log.answered(), 1);
  ASSERT_TRUE(Await([&] { return log.counts().records == 1; }));
  EXPECT_GT(log.counts().bytes, 0u);
  EXPECT_TRUE(Await([&] { return lines.Count("it is written again") == 1; }));
}

class RotatingFileTest : public ::testing::Test {
 protected:
  std::string Text(const std::string& name) const {
    std::ifstream file(directory_.path() + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const TempDirectory directory_;
};

TEST_F(RotatingFileTest, ALargeFileIsCompletedUnderItsNameAndTheOldestGo) {
  {
    RotatingFile file(directory_.path(), {.file_bytes = 100, .all_bytes = 320});
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(file.Append(std::string(50, static_cast<char>('a' + i))).ok());
      ASSERT_TRUE(file.CompleteIfDue().ok());
    }
  }
  const std::vector<std::string> names = NamesIn(directory_.path());
  ASSERT_THAT(names, SizeIs(2)) << "and room for the one that would be written next";
  EXPECT_THAT(names[0], EndsWith(".pb"));
  EXPECT_EQ(Text(names[0]), std::string(50, 'g') + std::string(50, 'h'));
  EXPECT_EQ(Text(names[1]), std::string(50, 'i') + std::string(50, 'j'));
}

TEST_F(RotatingFileTest, FilesAreBoundedInNumberToo) {
  RotatingFile file(directory_.path(), {.file_bytes = 1, .all_bytes = 1 << 20, .all_files = 3});
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(file.Append("x").ok());
    ASSERT_TRUE(file.CompleteIfDue().ok());
  }
  EXPECT_THAT(NamesIn(directory_.path()), SizeIs(3));
}

TEST_F(RotatingFileTest, AnUnfinishedFileHasAnotherNameUntilItIsOld) {
  RotatingFile file(directory_.path(), {.file_age = std::chrono::hours(1)});
  ASSERT_TRUE(file.Append("x").ok());
  ASSERT_TRUE(file.CompleteIfDue().ok());
  EXPECT_THAT(NamesIn(directory_.path()), ElementsAre(EndsWith(".pb.part")));
  EXPECT_THAT(*request_log::FindLogFiles(directory_.path()), SizeIs(0));

  const TempDirectory other;
  RotatingFile old(other.path(), {.file_age = std::chrono::seconds(0)});
  ASSERT_TRUE(old.Append("x").ok());
  ASSERT_TRUE(old.CompleteIfDue().ok());
  EXPECT_THAT(NamesIn(other.path()), ElementsAre(EndsWith(".pb")));
}

TEST_F(RotatingFileTest, WhatADeadServerLeftIsCompletedAndWhatALivingOneWritesIsNot) {
  RotatingFile living(directory_.path(), {});
  ASSERT_TRUE(living.Append("living").ok());
  const std::string left = "requests-20200101T000000.000000-1.pb";
  std::ofstream(directory_.path() + "/" + left + ".part") << "left";
  std::ofstream(directory_.path() + "/requests-20200101T000001.000000-1.pb.part");
  std::ofstream(directory_.path() + "/notes.txt.part") << "mine";
  RotatingFile file(directory_.path(), {});
  ASSERT_TRUE(file.Append("x").ok());
  const std::vector<std::string> names = NamesIn(directory_.path());
  EXPECT_THAT(names, ElementsAre("notes.txt.part", left, EndsWith(".pb.part"), EndsWith(".pb.part")));
}

TEST_F(RotatingFileTest, AFullDiskLeavesWholeRecordsAndWritingGoesOnWhenThereIsRoom) {
  struct sigaction before {};
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &ignore, &before);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit small{.rlim_cur = 150, .rlim_max = limit.rlim_max};
  RotatingFile file(directory_.path(), {});
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_TRUE(file.Append(std::string(100, 'a')).ok());
  const absl::Status status = file.Append(std::string(100, 'b'));
  setrlimit(RLIMIT_FSIZE, &limit);
  sigaction(SIGXFSZ, &before, nullptr);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(directory_.path()));
  EXPECT_TRUE(file.Append(std::string(100, 'c')).ok());
  const std::vector<std::string> names = NamesIn(directory_.path());
  ASSERT_THAT(names, SizeIs(1));
  EXPECT_EQ(Text(names[0]), std::string(100, 'a') + std::string(100, 'c'));
}

}  // namespace
}  // namespace adscore::server
