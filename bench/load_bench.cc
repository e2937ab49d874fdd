// How long a snapshot takes from its file to a model that has replayed its golden rows, and how much
// anonymous memory that takes: load_bench FILE [RUNS]. The first run brings the file into the page cache and
// does not count.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "model/model.h"
#include "model/snapshot.h"

namespace adscore::bench {
namespace {

// In bytes, from /proc/self/status.
size_t AnonymousMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::strtoull(line.c_str() + 8, nullptr, 10) * 1024;
  }
  return 0;
}

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

// Looks at the memory until it goes.
class PeakMemory {
 public:
  PeakMemory()
      : peak_(AnonymousMemory()), thread_([this] {
          while (!stop_) {
            peak_ = std::max<size_t>(peak_, AnonymousMemory());
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
          }
        }) {}
  size_t Stop() {
    stop_ = true;
    thread_.join();
    return std::max<size_t>(peak_, AnonymousMemory());
  }

 private:
  std::atomic<size_t> peak_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

int Main(int argc, char** argv) {
  const int runs = argc > 2 ? std::atoi(argv[2]) : 5;
  if (argc < 2 || argc > 3 || runs < 1) {
    std::fprintf(stderr, "usage: load_bench FILE [RUNS]\n");
    return 2;
  }
  std::vector<double> wall;
  std::vector<double> cpu;
  size_t growth = 0;
  double gigabytes = 0;
  for (int run = 0; run <= runs; ++run) {
    const size_t before = AnonymousMemory();
    PeakMemory peak;
    const auto begin = std::chrono::steady_clock::now();
    const double cpu_begin = CpuSeconds();
    auto mapped = model::MappedSnapshot::Open(argv[1]);
    if (!mapped.ok()) {
      peak.Stop();
      std::fprintf(stderr, "load_bench: %s\n", std::string(mapped.status().message()).c_str());
      return 1;
    }
    gigabytes = static_cast<double>((*mapped)->file_bytes()) / 1e9;
    const double verified = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const model::Model model(*std::move(mapped), *model::AvailableKernelSets(model::Precision::kF32).front());
    const float error = model.GoldenError();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const double cpu_seconds = CpuSeconds() - cpu_begin;
    const size_t grown = peak.Stop() - before;
    std::printf(
        "%s%.2f s (%.2f s to verify, %.2f s of processor), %.1f GB/s, anonymous memory +%.1f MB, golden "
        "error %.1g\n",
        run == 0 ? "warming up: " : "", seconds, verified, cpu_seconds, gigabytes / seconds,
        static_cast<double>(grown) / 1e6, static_cast<double>(error));
    if (run == 0) continue;
    wall.push_back(seconds);
    cpu.push_back(cpu_seconds);
    growth = std::max(growth, grown);
  }
  std::sort(wall.begin(), wall.end());
  std::sort(cpu.begin(), cpu.end());
  std::printf("median of %d: %.2f s, %.2f s of processor, %.1f GB at %.1f GB/s; at most +%.1f MB\n", runs,
              wall[wall.size() / 2], cpu[cpu.size() / 2], gigabytes, gigabytes / wall[wall.size() / 2],
              static_cast<double>(growth) / 1e6);
  return 0;
}

}  // namespace
}  // namespace adscore::bench

int main(int argc, char** argv) { return adscore::bench::Main(argc, argv); }
