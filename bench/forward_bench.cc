// How long a forward pass takes, beside oneDNN and Eigen in the same run, on one thread. See bench/README.md.
//
// Benchmarks: forward/SHAPE/PRECISION/BATCH, onednn/SHAPE/f32/BATCH, eigen/SHAPE/f32/BATCH, with the counters
// ns_per_row and gflops. The contestants of a cell come one after another, and
// --benchmark_enable_random_interleaving mixes them.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/contestant.h"
#include "bench/shape.h"

namespace adscore::bench {
namespace {

constexpr size_t kBatches[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, kMaxBatch};

using Make = std::function<std::unique_ptr<Contestant>(const Network& network, size_t batch)>;

void Measure(benchmark::State& state, const Network& network, size_t batch, const Make& make) {
  const std::unique_ptr<Contestant> contestant = make(network, batch);
  std::vector<float> probabilities(batch * network.heads());
  contestant->Run(probabilities.data());
  for (auto _ : state) {
    contestant->Run(probabilities.data());
    benchmark::DoNotOptimize(probabilities.data());
    benchmark::ClobberMemory();
  }
  const double rows = static_cast<double>(state.iterations() * batch);
  state.counters["ns_per_row"] =
      benchmark::Counter(rows * 1e-9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["gflops"] = benchmark::Counter(rows * network.flops() * 1e-9, benchmark::Counter::kIsRate);
}

struct ContestantInfo {
  std::string name;
  std::string precision;
  float tolerance;  // of a probability, against the first contestant; random weights make the most of every
                    // rounding
  Make make;
};

// A contestant that computes something else is not worth measuring.
void CheckAgreement(const Network& network, const std::vector<ContestantInfo>& contestants) {
  for (const size_t batch : {size_t{1}, size_t{33}}) {
    std::vector<float> expected(batch * network.heads());
    contestants[0].make(network, batch)->Run(expected.data());
    for (const ContestantInfo& c : contestants) {
      std::vector<float> got(expected.size());
      c.make(network, batch)->Run(got.data());
      for (size_t i = 0; i < got.size(); ++i) {
        if (std::fabs(got[i] - expected[i]) <= c.tolerance) continue;
        std::fprintf(stderr, "forward_bench: %s/%s disagrees on %s: %g instead of %g\n", c.name.c_str(),
                     c.precision.c_str(), network.shape().c_str(), static_cast<double>(got[i]),
                     static_cast<double>(expected[i]));
        std::exit(1);
      }
    }
  }
}

void MeasurePeak(benchmark::State& state) {
  double gflops = 0;
  for (auto _ : state) gflops = PeakGflops();
  state.counters["gflops"] = gflops;
}

int Main(int argc, char** argv) {
  omp_set_num_threads(1);  // oneDNN's: one core is what is measured
  static std::vector<std::unique_ptr<Network>> networks;
  const auto ours = [](model::Precision precision) -> Make {
    return [precision](const Network& n, size_t batch) { return MakeAdscore(n, batch, precision); };
  };
  const std::vector<ContestantInfo> contestants = {
      {"forward", "f32", 1e-4F, ours(model::Precision::kF32)},
      {"onednn", "f32", 1e-4F, MakeOnednn},
      {"eigen", "f32", 1e-4F, MakeEigen},
      {"forward", "bf16", 0.05F, ours(model::Precision::kBf16)},
      {"forward", "int8", 0.2F, ours(model::Precision::kInt8)},
  };
  benchmark::RegisterBenchmark("peak/f32", MeasurePeak)->Iterations(1);
  for (const std::string& shape : ReadShapes(ADSCORE_SHAPES)) {
    const Network& network = *networks.emplace_back(std::make_unique<Network>(shape));
    CheckAgreement(network, contestants);
    for (const size_t batch : kBatches) {
      for (const ContestantInfo& c : contestants) {
        const std::string full = c.name + "/" + shape + "/" + c.precision + "/" + std::to_string(batch);
        benchmark::RegisterBenchmark(full.c_str(), [&network, batch, make = c.make](benchmark::State& state) {
          Measure(state, network, batch, make);
        });
      }
    }
  }
  // One impression of 100 candidates, most of whose inputs are the context's.
  const Network& large = *networks.emplace_back(std::make_unique<Network>("429-400-400-400-1"));
  const std::vector<ContestantInfo> impressions = {
      {"context_apart", "f32", 1e-6F,
       [](const Network& n, size_t batch) { return MakeImpression(n, batch, 300, true); }},
      {"context_in_each_row", "f32", 1e-6F,
       [](const Network& n, size_t batch) { return MakeImpression(n, batch, 300, false); }},
  };
  CheckAgreement(large, impressions);
  for (const ContestantInfo& c : impressions) {
    benchmark::RegisterBenchmark(
        (c.name + "/" + large.shape() + "/f32/100").c_str(),
        [&large, make = c.make](benchmark::State& state) { Measure(state, large, 100, make); });
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace adscore::bench

int main(int argc, char** argv) { return adscore::bench::Main(argc, argv); }
