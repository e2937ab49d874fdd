// Files that are cut short while they are mapped: the reader goes on, and finds out.
#include "model/bus_error_guard.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace adscore::model {
namespace {

const size_t kPage = static_cast<size_t>(sysconf(_SC_PAGESIZE));

// `pages` pages of ones, mapped. No name in any directory.
class Ones {
 public:
  explicit Ones(size_t pages) : size_(pages * kPage) {
    fd_ = memfd_create("ones", MFD_CLOEXEC);
    const std::string page(kPage, '\1');
    for (size_t i = 0; i < pages; ++i) {
      EXPECT_EQ(write(fd_, page.data(), kPage), static_cast<ssize_t>(kPage));
    }
    data_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd_, 0);
  }
  ~Ones() {
    munmap(data_, size_);
    close(fd_);
  }
  Ones(const Ones&) = delete;
  Ones& operator=(const Ones&) = delete;

  const void* data() const { return data_; }
  size_t size() const { return size_; }
  void KeepPages(size_t pages) const { EXPECT_EQ(ftruncate(fd_, static_cast<off_t>(pages * kPage)), 0); }
  char Read(size_t page) const {
    return *reinterpret_cast<const volatile char*>(static_cast<const char*>(data_) + page * kPage);
  }

 private:
  const size_t size_;
  int fd_;
  void* data_;
};

TEST(BusErrorGuardTest, APageThatIsGoneReadsAsZerosAndMarksItsRangeOnly) {
  const Ones cut(8);
  const Ones whole(8);
  const BusErrorGuard guard(cut.data(), cut.size());
  const BusErrorGuard other(whole.data(), whole.size());
  ASSERT_TRUE(guard.armed());
  EXPECT_EQ(cut.Read(5), 1);
  cut.KeepPages(4);
  EXPECT_FALSE(guard.damaged());  // nobody has read it yet
  EXPECT_EQ(cut.Read(3), 1);
  EXPECT_FALSE(guard.damaged());
  EXPECT_EQ(cut.Read(6), 0);
  EXPECT_TRUE(guard.damaged());
  EXPECT_EQ(cut.Read(4), 0);  // before the zeros that are there: a second signal
  EXPECT_EQ(cut.Read(3), 1);
  EXPECT_FALSE(other.damaged());
  EXPECT_EQ(whole.Read(7), 1);
}

TEST(BusErrorGuardTest, ALongTailThatIsGoneTakesOneMappingAndNotOnePerPage) {
  constexpr size_t kPages = 2000;
  const Ones cut(kPages);
  const BusErrorGuard guard(cut.data(), cut.size());
  cut.KeepPages(1);
  for (size_t page = kPages - 1; page >= 2; page -= 2) EXPECT_EQ(cut.Read(page), 0);
  size_t mappings = 0;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const uintptr_t begin = std::stoull(line, nullptr, 16);
    const auto data = reinterpret_cast<uintptr_t>(cut.data());
    mappings += begin >= data && begin < data + cut.size() ? 1 : 0;
  }
  EXPECT_LE(mappings, 2U);
}

TEST(BusErrorGuardTest, TheOwnerCanMarkItToo) {
  const Ones ones(1);
  const BusErrorGuard guard(ones.data(), ones.size());
  guard.MarkDamaged();
  EXPECT_TRUE(guard.damaged());
  EXPECT_EQ(ones.Read(0), 1);
}

TEST(BusErrorGuardTest, AMarkDoesNotOutliveItsGuard) {
  const Ones ones(1);
  for (int i = 0; i < 3; ++i) {
    const BusErrorGuard guard(ones.data(), ones.size());
    EXPECT_FALSE(guard.damaged());
    guard.MarkDamaged();
  }
}

TEST(BusErrorGuardTest, OneGuardTooManySaysSo) {
  const Ones ones(1);
  std::vector<std::unique_ptr<BusErrorGuard>> guards;
  do {
    guards.push_back(std::make_unique<BusErrorGuard>(ones.data(), ones.size()));
    ASSERT_LE(guards.size(), BusErrorGuard::kMostGuards + 1);
  } while (guards.back()->armed());
  EXPECT_FALSE(guards.back()->damaged());
  guards.pop_back();
  EXPECT_EQ(guards.size(), BusErrorGuard::kMostGuards);
  guards.erase(guards.begin() + 3);
  EXPECT_TRUE(BusErrorGuard(ones.data(), ones.size()).armed());
}

// While pages go away and other guards come and go, whoever reads a zero finds the mark.
TEST(BusErrorGuardTest, ReadersInManyThreadsGoOn) {
  const Ones bystander_memory(4);
  for (int round = 0; round < 20; ++round) {
    constexpr size_t kPages = 64;
    const Ones cut(kPages);
    const BusErrorGuard guard(cut.data(), cut.size());
    std::atomic<bool> stop = false;
    std::atomic<int> unmarked = 0;
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        for (size_t page = t; !guard.damaged(); page = (page + 7) % kPages) {
          if (cut.Read(page) == 0 && !guard.damaged()) ++unmarked;
        }
      });
    }
    threads.emplace_back([&] {
      while (!stop) {
        const BusErrorGuard bystander(bystander_memory.data(), bystander_memory.size());
        EXPECT_FALSE(bystander.damaged());
      }
    });
    cut.KeepPages(kPages / 2);
    for (size_t t = 0; t < 3; ++t) threads[t].join();
    stop = true;
    threads.back().join();
    EXPECT_EQ(unmarked, 0);
  }
}

// In processes of their own, since they end. Sanitizers have a handler that ends it by an exit code.
class OtherBusErrorDeathTest : public ::testing::Test {
 protected:
  OtherBusErrorDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  // A guard is there, but not for what is read.
  static void ReadUnguarded() {
    const Ones guarded(1);
    const BusErrorGuard guard(guarded.data(), guarded.size());
    const Ones cut(2);
    cut.KeepPages(1);
    cut.Read(1);
  }
};

TEST_F(OtherBusErrorDeathTest, OutsideOfAnyGuardItEndsTheProcessAsBefore) {
  EXPECT_DEATH(ReadUnguarded(), "");
}

TEST_F(OtherBusErrorDeathTest, AHandlerThatWasThereIsCalled) {
  EXPECT_EXIT(
      {
        signal(SIGBUS, [](int) { _exit(7); });
        ReadUnguarded();
      },
      ::testing::ExitedWithCode(7), "");
}

TEST_F(OtherBusErrorDeathTest, OneThatIsIgnoredStillEndsTheProcessWhereItWouldComeForEver) {
  EXPECT_EXIT(
      {
        signal(SIGBUS, SIG_IGN);
        ReadUnguarded();
      },
      ::testing::KilledBySignal(SIGBUS), "");
}

TEST_F(OtherBusErrorDeathTest, OneThatIsSentIsIgnoredIfItWasBefore) {
  EXPECT_EXIT(
      {
        signal(SIGBUS, SIG_IGN);
        const Ones ones(1);
        const BusErrorGuard guard(ones.data(), ones.size());
        raise(SIGBUS);
        _exit(guard.damaged() ? 1 : 9);
      },
      ::testing::ExitedWithCode(9), "");
}

TEST_F(OtherBusErrorDeathTest, OneThatIsSentEndsTheProcess) {
  EXPECT_EXIT(
      {
        signal(SIGBUS, SIG_DFL);
        const Ones ones(1);
        const BusErrorGuard guard(ones.data(), ones.size());
        kill(getpid(), SIGBUS);
        _exit(0);
      },
      ::testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace adscore::model
