#include "data/byte_source.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "tests/data/temp_files.h"

namespace adscore::data {
namespace {

using adscore::testing::Gzip;
using adscore::testing::TempFiles;

// Everything that comes, in pieces of at most `piece` bytes.
absl::StatusOr<std::string> ReadAll(const std::string& path, size_t piece = 7) {
  absl::StatusOr<std::unique_ptr<ByteSource>> source = ByteSource::Open(path);
  if (!source.ok()) return source.status();
  std::string all;
  std::string buffer(piece, '\0');
  while (true) {
    absl::StatusOr<size_t> got = (*source)->Read(buffer.data(), buffer.size());
    if (!got.ok()) return got.status();
    if (*got == 0) break;
    all.append(buffer, 0, *got);
  }
  EXPECT_EQ((*source)->bytes_read(), (*source)->bytes_total());
  return all;
}

std::string Text() {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += "row " + std::to_string(i * 7919 % 100'003) + "\n";
  return text;
}

TEST(ByteSource, PlainBytesComeAsTheyAre) {
  const TempFiles files;
  EXPECT_EQ(ReadAll(files.Write("a", "some\r\nbytes")).value(), "some\r\nbytes");
  EXPECT_EQ(ReadAll(files.Write("empty", "")).value(), "");
  EXPECT_EQ(ReadAll(files.Write("short", "\x1f")).value(), "\x1f");
}

TEST(ByteSource, GzipIsKnownByItsBytesNotItsName) {
  const TempFiles files;
  EXPECT_EQ(ReadAll(files.Write("a.csv", Gzip("inside"))).value(), "inside");
  EXPECT_EQ(ReadAll(files.Write("plain.gz", "not compressed")).value(), "not compressed");
  EXPECT_EQ(ReadAll(files.Write("empty.gz", Gzip(""))).value(), "");
  EXPECT_EQ(ReadAll(files.Write("long.gz", Gzip(Text())), 4096).value(), Text());
}

TEST(ByteSource, GzipMembersInARowAreOneStream) {
  const TempFiles files;
  EXPECT_EQ(ReadAll(files.Write("a.gz", Gzip("one,") + Gzip("") + Gzip("two"))).value(), "one,two");
  EXPECT_EQ(ReadAll(files.Write("padded.gz", Gzip("one") + std::string(512, '\0'))).value(), "one");
}

TEST(ByteSource, ATruncatedGzipStreamIsDataLossWhereverItIsCut) {
  const TempFiles files;
  const std::string whole = Gzip(Text());
  for (const size_t size :
       {size_t{2}, size_t{10}, size_t{11}, whole.size() / 2, whole.size() - 9, whole.size() - 1}) {
    const absl::StatusOr<std::string> read = ReadAll(files.Write("cut.gz", whole.substr(0, size)), 4096);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kDataLoss) << size << " of " << whole.size();
    EXPECT_NE(read.status().message().find("cut.gz"), std::string::npos);
  }
}

TEST(ByteSource, ADamagedGzipStreamIsDataLoss) {
  const TempFiles files;
  std::string bytes = Gzip(Text());
  bytes[bytes.size() - 6] ^= 1;  // in the checksum
  EXPECT_EQ(ReadAll(files.Write("a.gz", bytes), 4096).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadAll(files.Write("b.gz", Gzip("a") + "trailing text")).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(ByteSource, WhatCanNotBeReadSaysWhy) {
  const TempFiles files;
  EXPECT_EQ(ReadAll(files.Path("absent")).status().code(), absl::StatusCode::kNotFound);
  const absl::Status directory = ReadAll(files.Path(".")).status();
  EXPECT_EQ(directory.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(directory.message().find("is a directory"), std::string::npos);
  ASSERT_EQ(mkfifo(files.Path("pipe").c_str(), 0600), 0);
  const absl::Status pipe = ReadAll(files.Path("pipe")).status();  // and must not wait for a writer
  EXPECT_EQ(pipe.code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace adscore::data
