// Ten thousand corruptions of a good snapshot: each is refused with a reason, or changes nothing. With the
// checksums made right again it may be another model; then it keeps what Validate promises, and scores.
//
// Replaces operator new, so a program of its own: no allocation may be larger than the file warrants.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "model/model.h"
#include "model/section_file.h"
#include "model/single_rows.h"
#include "model/snapshot.h"
#include "tests/allocations.h"
#include "tests/model/forger.h"
#include "tests/model/tiny_snapshot.h"

namespace adscore::model {
namespace {

using adscore::testing::allocations;
using testing::NamedBytes;
using testing::RandomColumns;

constexpr int kCorruptions = 5000;  // each as it is, and with its checksums made right again
// To open: the JSON of `meta` as a tree, and its vectors while they grow.
constexpr size_t kAllocationPerByte = 4;
// To score: blocks of 128 rows of as many floats as a section may hold.
constexpr size_t kScoringPerByte = 64;

// A part of the file.
struct Region {
  size_t begin;
  size_t size;
};

// A file without a name that every case is written into.
class Memory {
 public:
  Memory() : fd_(memfd_create("snapshot", MFD_CLOEXEC)) {}
  ~Memory() { close(fd_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::string Put(const std::string& bytes) const {
    EXPECT_EQ(ftruncate(fd_, 0), 0);
    EXPECT_EQ(pwrite(fd_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    return "/proc/self/fd/" + std::to_string(fd_);
  }

 private:
  const int fd_;
};

// The probabilities of the golden rows and of random impressions that fit the model's schema.
std::vector<float> Probabilities(const Model& model) {
  const Snapshot& snapshot = model.snapshot();
  const RandomColumns context(snapshot.schema, FeatureRole::kContext, 16, 21);
  const RandomColumns candidates(snapshot.schema, FeatureRole::kCandidate, 16, 22);
  std::vector<float> all((snapshot.golden.rows + 16) * model.heads());
  SingleRows rows;
  ScoreScratch scratch;
  model.Score(rows.Split(snapshot.schema, snapshot.golden.context, snapshot.golden.candidates), &scratch,
              all.data());
  model.Score(rows.Split(snapshot.schema, context.columns, candidates.columns), &scratch,
              all.data() + snapshot.golden.rows * model.heads());
  return all;
}

class CorruptionTest : public ::testing::Test {
 public:
  void SetUp() override {
    const std::string path = ::testing::TempDir() + "corruption_" + std::to_string(getpid());
    const testing::TinySnapshot tiny({.crosses = true, .bent = true, .chained = true});
    ASSERT_TRUE(WriteSnapshot(tiny.snapshot(), path).ok());
    const int fd = open(path.c_str(), O_RDONLY);
    good_.resize(static_cast<size_t>(lseek(fd, 0, SEEK_END)));
    ASSERT_EQ(pread(fd, good_.data(), good_.size(), 0), static_cast<ssize_t>(good_.size()));
    close(fd);
    unlink(path.c_str());

    sections_ = testing::Sections(good_);
    ASSERT_EQ(testing::Assemble(sections_), good_);
    const size_t table_end = sizeof(FileHeader) + sections_.size() * sizeof(SectionEntry);
    regions_ = {{0, sizeof(FileHeader)}, {sizeof(FileHeader), table_end - sizeof(FileHeader)}};
    size_t end = table_end;
    for (size_t i = 0; i < sections_.size(); ++i) {
      const SectionEntry entry = testing::EntryOf(good_, i);
      if (entry.offset > end) regions_.push_back({end, entry.offset - end});  // padding
      if (entry.size > 0) regions_.push_back({entry.offset, entry.size});
      end = entry.offset + entry.size;
    }
    const auto mapped = MappedSnapshot::Open(memory_.Put(good_));
    ASSERT_TRUE(mapped.ok()) << mapped.status();
    expected_ = Probabilities(Model((*mapped)->snapshot(), kernels_));
  }

  size_t Random(size_t below) { return random_() % below; }
  // A place in a part of the file: every part has its turn.
  size_t Place() {
    const Region& region = regions_[next_region_++ % regions_.size()];
    return region.begin + Random(region.size);
  }
  // 0, 1, one more or less, doubled, or anything.
  uint64_t Inflated(uint64_t value) {
    const uint64_t choices[] = {0,         1,          value - 1, value + 1,         value + 64,
                                value * 2, ~value + 1, ~0ull,     uint64_t{1} << 63, random_()};
    return choices[Random(std::size(choices))];
  }

  std::string Flipped() {
    std::string file = good_;
    file[Place()] ^= static_cast<char>(1 << Random(8));
    return file;
  }
  std::string Overwritten() {
    std::string file = good_;
    const size_t at = Place();
    const size_t end = std::min(file.size(), at + 1 + Random(16));
    for (size_t i = at; i < end; ++i) file[i] = static_cast<char>(random_());
    return file;
  }
  std::string Truncated() { return good_.substr(0, Place()); }
  std::string Extended() {
    return good_ + std::string(1 + Random(4096), static_cast<char>(Random(2) * random_()));
  }
  std::string SectionsSwapped() {
    const size_t one = Random(sections_.size());
    const size_t other = Random(sections_.size());
    if (Random(2) == 0) {  // their entries in the table
      std::string file = good_;
      testing::PutEntry(one, testing::EntryOf(good_, other), &file);
      testing::PutEntry(other, testing::EntryOf(good_, one), &file);
      return file;
    }
    std::vector<NamedBytes> sections = sections_;
    std::swap(sections[one].bytes, sections[other].bytes);
    return testing::Assemble(sections);
  }
  std::string HeaderInflated() {
    std::string file = good_;
    FileHeader header = testing::HeaderOf(file);
    if (Random(2) == 0) header.section_count = static_cast<uint32_t>(Inflated(header.section_count));
    if (Random(2) == 0) header.file_size = Inflated(header.file_size);
    if (Random(4) == 0) header.format_version = static_cast<uint32_t>(Inflated(header.format_version));
    std::memcpy(file.data(), &header, sizeof(header));
    return file;
  }
  std::string EntryInflated() {
    std::string file = good_;
    const size_t i = Random(sections_.size());
    SectionEntry entry = testing::EntryOf(file, i);
    if (Random(2) == 0) entry.offset = Inflated(entry.offset);
    if (Random(2) == 0) entry.size = Inflated(entry.size);
    if (Random(8) == 0) std::memset(entry.name, 'x', sizeof(entry.name));
    testing::PutEntry(i, entry, &file);
    return file;
  }
  // A number in `meta` becomes another one.
  std::string JsonCountInflated() {
    std::vector<NamedBytes> sections = sections_;
    std::string& meta = sections[0].bytes;
    size_t at = meta.find_first_of("0123456789", Random(meta.size()));
    if (at == std::string::npos) at = meta.find_first_of("0123456789");
    const size_t end = meta.find_first_not_of("0123456789", at);
    static constexpr const char* kNumbers[] = {"0",
                                               "1",
                                               "2",
                                               "7",
                                               "-1",
                                               "1e3",
                                               "4294967296",
                                               "18446744073709551615",
                                               "1e99",
                                               "1e999",
                                               "4611686018427387905",
                                               "null",
                                               "\"1\"",
                                               "[]",
                                               "{}"};
    const size_t choice = Random(std::size(kNumbers) + 1);
    const std::string digits = meta.substr(at, end - at);
    meta.replace(at, end - at, choice == std::size(kNumbers) ? digits + "9" : kNumbers[choice]);
    return testing::Assemble(sections);
  }
  // A number in a section of floats, ids or hashes is one of the worst.
  std::string ValueReplaced() {
    static constexpr uint32_t kWorst[] = {0x7f800000, 0xff800000, 0x7fc00000, 0x7f7fffff, 0xff7fffff,
                                          0x00000001, 0,          0xffffffff, 0x80000000};
    std::vector<NamedBytes> sections = sections_;
    NamedBytes& section = sections[1 + Random(sections.size() - 1)];
    if (section.bytes.size() >= 4) {
      const uint32_t value = kWorst[Random(std::size(kWorst))];
      std::memcpy(section.bytes.data() + Random(section.bytes.size() / 4) * 4, &value, sizeof(value));
    }
    return testing::Assemble(sections);
  }
  std::string SectionResized() {
    std::vector<NamedBytes> sections = sections_;
    const size_t i = Random(sections.size());
    switch (Random(4)) {
      case 0:
        sections.erase(sections.begin() + static_cast<ptrdiff_t>(i));
        break;
      case 1:
        sections.insert(sections.begin() + static_cast<ptrdiff_t>(i), sections[Random(sections.size())]);
        break;
      case 2:
        sections[i].bytes.resize(Random(sections[i].bytes.size() + 1));
        break;
      default:
        sections[i].bytes.append(1 + Random(64), static_cast<char>(Random(2)));
    }
    return testing::Assemble(sections);
  }

  // What is let through must be a valid model that scores; `whole` if its checksums were not touched.
  void Expect(const std::string& file, bool whole, const std::string& what) {
    const std::string path = memory_.Put(file);
    allocations.largest = 0;
    const auto mapped = MappedSnapshot::Open(path);
    EXPECT_LE(allocations.largest, kAllocationPerByte * std::max(file.size(), good_.size())) << what;
    if (!mapped.ok()) {
      ++refused_[whole];
      EXPECT_FALSE(mapped.status().message().empty()) << what;
      EXPECT_TRUE(absl::IsDataLoss(mapped.status()) || absl::IsInvalidArgument(mapped.status()) ||
                  absl::IsUnimplemented(mapped.status()))
          << what << ": " << mapped.status();
      return;
    }
    ++opened_[whole];
    EXPECT_TRUE(Validate((*mapped)->snapshot()).ok()) << what;
    const Model model((*mapped)->snapshot(), kernels_);
    const std::vector<float> probabilities = Probabilities(model);
    EXPECT_LE(allocations.largest, kScoringPerByte * file.size()) << what;
    if (whole) {
      ASSERT_EQ(probabilities.size(), expected_.size()) << what;
      EXPECT_EQ(std::memcmp(probabilities.data(), expected_.data(), expected_.size() * sizeof(float)), 0)
          << what;
    }
  }

  const KernelSet& kernels_ = *AvailableKernelSets(Precision::kF32).front();
  const Memory memory_;
  std::mt19937_64 random_{17};
  std::string good_;
  std::vector<NamedBytes> sections_;
  std::vector<Region> regions_;
  size_t next_region_ = 0;
  std::vector<float> expected_;
  // By whether the checksums were left as they were.
  std::map<bool, int> opened_;
  std::map<bool, int> refused_;
};

TEST_F(CorruptionTest, IsRefusedOrChangesNothing) {
  struct Kind {
    const char* name;
    std::string (CorruptionTest::*make)();
    bool rebuilt;  // with checksums that are right: there is no other way to make such a file
  };
  static constexpr Kind kKinds[] = {
      {"a bit flipped", &CorruptionTest::Flipped, false},
      {"bytes replaced", &CorruptionTest::Overwritten, false},
      {"truncated", &CorruptionTest::Truncated, false},
      {"extended", &CorruptionTest::Extended, false},
      {"sections swapped", &CorruptionTest::SectionsSwapped, true},
      {"header inflated", &CorruptionTest::HeaderInflated, false},
      {"a section's place inflated", &CorruptionTest::EntryInflated, false},
      {"a count in meta inflated", &CorruptionTest::JsonCountInflated, true},
      {"a value replaced", &CorruptionTest::ValueReplaced, true},
      {"a section resized", &CorruptionTest::SectionResized, true},
  };
  for (int i = 0; i < kCorruptions; ++i) {
    const Kind& kind = kKinds[static_cast<size_t>(i) % std::size(kKinds)];
    std::string file = (this->*kind.make)();
    const std::string what = "case " + std::to_string(i) + ", " + kind.name;
    if (kind.rebuilt) {
      // As it is: the good file's checksums, where the tables have the same length.
      std::string as_is = file;
      const size_t table = sizeof(FileHeader) + sections_.size() * sizeof(SectionEntry);
      std::memcpy(as_is.data(), good_.data(), std::min(table, as_is.size()));
      Expect(as_is, true, what);
    } else {
      Expect(file, true, what);
      testing::MakeChecksumsRight(&file);
    }
    Expect(file, false, what + ", checksums made right");
    if (HasFailure()) return;
  }
  EXPECT_EQ(opened_[true] + refused_[true] + opened_[false] + refused_[false], 2 * kCorruptions);
  EXPECT_GT(opened_[true], 0);   // padding
  EXPECT_GT(opened_[false], 0);  // other models
  EXPECT_GT(refused_[false], 0);
  RecordProperty("refused", refused_[true] + refused_[false]);
  std::printf(
      "as they are: %d refused, %d change nothing; checksums made right: %d refused, %d other models\n",
      refused_[true], opened_[true], refused_[false], opened_[false]);
}

// Nested so deep that whoever walks it by recursion runs out of stack; so many keys that each is looked for
// among all before it.
TEST_F(CorruptionTest, AJsonThatIsTooDeepOrTooWideIsRefused) {
  constexpr size_t kDepth = 1'000'000;
  std::string keys = "{";
  for (int i = 0; i < 200'000; ++i) keys += "\"" + std::to_string(i) + "\":0,";
  keys.back() = '}';
  for (const char* key : {"\"schema\":", "\"layers\":"}) {
    for (const std::string& value : {std::string(kDepth, '[') + std::string(kDepth, ']'), keys}) {
      std::vector<NamedBytes> sections = sections_;
      std::string& meta = sections[0].bytes;
      meta.insert(meta.find(key) + std::strlen(key), value + ", \"x\":");
      Expect(testing::Assemble(sections), false, key);
    }
  }
  EXPECT_EQ(refused_[false], 4);
}

// The worst that a list can ask for: a value of 16 bytes for each 2 of text, and twice that while it grows.
TEST_F(CorruptionTest, ALongListTakesNoMoreThanItsTextWarrants) {
  std::vector<NamedBytes> sections = sections_;
  std::string& meta = sections[0].bytes;
  std::string list;
  for (int i = 0; i < 1'000'000; ++i) list += "1,";
  meta.insert(meta.find("\"edges\"") + 10, list);
  const std::string file = testing::Assemble(sections);
  allocations.largest = 0;
  EXPECT_FALSE(MappedSnapshot::Open(memory_.Put(file)).ok());
  EXPECT_LE(allocations.largest, 16 * file.size());
}

}  // namespace
}  // namespace adscore::model
