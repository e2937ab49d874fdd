// What is read of a file of a request log, and how one is told that can't be.
#include "request_log/log_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <sstream>

#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "request_log/log_files.h"
#include "tests/server/temp_directory.h"

namespace adscore::request_log {
namespace {

using ::testing::HasSubstr;

v1::LoggedRequest Record(int64_t version) {
  v1::LoggedRequest record;
  record.mutable_time()->set_seconds(1'700'000'000);
  record.set_model("ads");
  record.set_version(version);
  record.set_candidate_count(2);
  record.mutable_features()->set_schema_fingerprint(0x1234);
  record.mutable_features()->mutable_candidates()->add_numeric(0.5F);
  v1::HeadPredictions* head = record.add_heads();
  head->set_head("click");
  head->add_probability(0.25F);
  head->add_probability(1);
  return record;
}

// As protobuf's own library writes it.
std::string Delimited(const v1::LoggedRequest& record) {
  std::string text;
  google::protobuf::io::StringOutputStream stream(&text);
  EXPECT_TRUE(google::protobuf::util::SerializeDelimitedToZeroCopyStream(record, &stream));
  return text;
}

LogReader Reader(const std::string& bytes) {
  return {std::make_unique<std::istringstream>(bytes), "the log"};
}

// How many records are read before the end, or before the error that it came to.
absl::StatusOr<int> Count(LogReader* reader) {
  v1::LoggedRequest record;
  for (int records = 0;; ++records) {
    const absl::StatusOr<bool> read = reader->Next(&record);
    if (!read.ok()) return read.status();
    if (!*read) return records;
  }
}

TEST(LogReaderTest, ReadsWhatProtobufsLibraryWrites) {
  LogReader reader = Reader(Delimited(Record(1)) + Delimited(Record(2)));
  v1::LoggedRequest record;
  for (const int64_t version : {1, 2}) {
    ASSERT_EQ(reader.Next(&record).value_or(false), true);
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(record, Record(version)));
  }
  EXPECT_EQ(reader.Next(&record).value_or(true), false);
  EXPECT_EQ(reader.truncated_at(), std::nullopt);
}

TEST(LogReaderTest, AnEmptyFileHasNoRecords) {
  LogReader reader = Reader("");
  EXPECT_EQ(Count(&reader).value_or(-1), 0);
  EXPECT_EQ(reader.truncated_at(), std::nullopt);
}

TEST(LogReaderTest, ACutOffEndIsToldWithItsPlaceAndWhatIsWholeIsRead) {
  const std::string first = Delimited(Record(1));
  v1::LoggedRequest large = Record(2);
  large.mutable_features()->mutable_candidates()->mutable_numeric()->Resize(100, 0);  // a length of two bytes
  const std::string both = first + Delimited(large);
  for (size_t size = first.size() + 1; size < both.size(); ++size) {
    LogReader reader = Reader(both.substr(0, size));
    ASSERT_EQ(Count(&reader).value_or(-1), 1) << size;
    ASSERT_EQ(reader.truncated_at(), first.size()) << size;
  }
}

TEST(LogReaderTest, DamageIsRefusedWithFileAndOffset) {
  const std::string first = Delimited(Record(1));
  for (const std::string& damage :
       {std::string(1, '\0'), std::string("\xFF\xFF\xFF\xFF\x01", 5), std::string("\x03zzz", 4),
        std::string("click,ad,bid\n1,2,3\n"), std::string(100, '\x80')}) {
    LogReader reader = Reader(first + damage + std::string(200, 'x'));
    const absl::StatusOr<int> count = Count(&reader);
    ASSERT_EQ(count.status().code(), absl::StatusCode::kDataLoss) << damage;
    EXPECT_THAT(std::string(count.status().message()),
                HasSubstr("the log: at byte " + std::to_string(first.size()) + ":"));
  }
}

TEST(LogReaderTest, ALengthOfTheLimitIsReadAndOneMoreIsDamage) {
  // The number of candidates' features grows until the record has exactly so many bytes.
  v1::LoggedRequest record = Record(1);
  auto* numbers = record.mutable_features()->mutable_candidates()->mutable_numeric();
  numbers->Resize(static_cast<int>((kMostRecordBytes - record.ByteSizeLong()) / 4) - 8, 0);
  while (record.ByteSizeLong() < kMostRecordBytes) record.mutable_heads(0)->mutable_head()->push_back('c');
  ASSERT_EQ(record.ByteSizeLong(), kMostRecordBytes);
  LogReader reader = Reader(Delimited(record));
  EXPECT_EQ(Count(&reader).value_or(-1), 1);
  record.mutable_heads(0)->mutable_head()->push_back('c');
  LogReader larger = Reader(Delimited(record));
  EXPECT_EQ(Count(&larger).status().code(), absl::StatusCode::kDataLoss);
}

TEST(LogReaderTest, RecordsThatCannotBeAreDamage) {
  const std::vector<std::function<void(v1::LoggedRequest*)>> changes = {
      [](auto* record) { record->clear_model(); },
      [](auto* record) { record->set_version(0); },
      [](auto* record) { record->set_candidate_count(0); },
      [](auto* record) { record->set_candidate_count(3); },
      [](auto* record) { record->clear_features(); },
      [](auto* record) { record->clear_heads(); },
      [](auto* record) { record->mutable_heads(0)->set_probability(0, 1.5F); },
      [](auto* record) { record->mutable_heads(0)->set_probability(1, std::nanf("")); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    v1::LoggedRequest record = Record(1);
    changes[i](&record);
    LogReader reader = Reader(Delimited(record));
    EXPECT_EQ(Count(&reader).status().code(), absl::StatusCode::kDataLoss) << "change " << i;
  }
}

TEST(LogReaderTest, WhatCannotBeOpenedIsNamed) {
  const server::TempDirectory directory;
  EXPECT_EQ(LogReader::Open(directory.path() + "/none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(LogReader::Open(directory.path()).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace adscore::request_log
