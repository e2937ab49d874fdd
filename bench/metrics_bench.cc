// What the server's metrics cost: recording, for each batch that is served, and a scrape.
//
//   record/REQUESTS/CANDIDATES   all that is recorded for one batch, and the looks at the clock that are for
//   nothing else features/ROWS                the sampled count of missing and unknown values, of 13 numbers
//   and 26 tokens collect/MODELS               a scrape without HTTP: adding up and writing the text
//   scrape/MODELS                the same over HTTP, on loopback
//
// serving_bench.py recording sets the first beside what a request costs.
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "model/kernels/kernel_set.h"
#include "model/model.h"
#include "server/http/http_server.h"
#include "server/metrics/server_metrics.h"
#include "server/metrics/text_format.h"
#include "server/registry.h"
#include "server/serving/feature_counter.h"
#include "tests/server/loopback_http.h"

namespace adscore::bench {
namespace {

using server::LiveState;
using server::ServerMetrics;

const std::vector<std::string> kHeads = {"click"};  // as make_bench_model has it

// The same calls as in server/serving and server/rpc, in their order: keep them alike.
void Record(benchmark::State& state) {
  const auto requests = static_cast<size_t>(state.range(0));
  const auto candidates = static_cast<size_t>(state.range(1));
  const size_t rows = requests * candidates;
  ServerMetrics metrics(1, [] { return LiveState{}; });
  server::LoopCells& loop = metrics.loop(0);
  server::ModelCells& model = metrics.ForModel("m")->of(0);
  const auto version = metrics.ForVersion("m", 1, kHeads, 0);
  const server::SteadyClock clock;
  std::vector<float> probabilities(rows);
  for (size_t r = 0; r < rows; ++r) probabilities[r] = 0.001f * static_cast<float>((r * 7919) % 600);

  for (auto _ : state) {
    const server::Time arrival = clock.Now();
    for (size_t i = 0; i < requests; ++i) loop.queue_duration.Observe(server::Seconds(clock.Now() - arrival));
    for (size_t i = 0; i < requests; ++i)
      loop.decode_duration.Observe(server::Seconds(clock.Now() - arrival));
    server::Time start = clock.Now();
    for (size_t block = 0; block < rows; block += 128) {
      benchmark::DoNotOptimize(clock.Now());
      benchmark::DoNotOptimize(clock.Now());
    }
    loop.encode_duration.Observe(server::Seconds(clock.Now() - start));
    model.forward_duration.Observe(server::Seconds(clock.Now() - start));
    model.batch_rows.Observe(static_cast<double>(rows));
    version->of(0).rows.Add(rows);
    start = clock.Now();
    for (size_t i = 0; i < requests; ++i) {
      version->of(0).requests[0][0].Add(1);
      model.methods[0].duration.Observe(server::Seconds(clock.Now() - arrival));
      const server::Time end = clock.Now();
      loop.write_duration.Observe(server::Seconds(end - start));
      start = end;
    }
    std::array<uint32_t, server::kProbabilityBuckets> counts{};
    double sum = 0;
    for (const float probability : probabilities) {
      ++counts[server::ProbabilityBucket(probability)];
      sum += probability;
    }
    version->of(0).predictions[0].ObserveCounted(counts, sum);
    benchmark::ClobberMemory();
  }
  state.counters["ns_per_request"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(requests) * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(Record)->Name("record")->ArgsProduct({{1, 2, 4, 8, 16, 32, 64}, {1, 20, 100}});

void Features(benchmark::State& state) {
  constexpr size_t kNumbers = 13, kTokens = 26, kVocabulary = 100'000;
  const auto rows = static_cast<size_t>(state.range(0));
  std::vector<uint64_t> known(kVocabulary);
  for (size_t i = 0; i < kVocabulary; ++i) known[i] = (i + 1) * 0x9e3779b97f4a7c15;
  std::deque<model::VocabularySlots> vocabularies;
  model::Snapshot snapshot;
  for (size_t f = 0; f < kNumbers + kTokens; ++f) {
    const bool is_number = f < kNumbers;
    snapshot.schema.features.push_back(
        {.name = "f" + std::to_string(f),
         .kind = is_number ? model::FeatureKind::kNumeric : model::FeatureKind::kCategorical});
    model::FeatureEncoding& encoding = snapshot.encodings.emplace_back();
    if (is_number) continue;
    const auto& slots = vocabularies.emplace_back(model::BuildVocabulary(known));
    encoding.vocabulary = model::Vocabulary(slots.keys, slots.ids);
  }
  snapshot.heads.push_back({.name = "click", .label = {}, .calibrator = {}});
  const std::vector<float> weights(snapshot.CandidateWidth());
  const std::vector<float> bias(1);
  snapshot.layers.push_back({.inputs = weights.size(), .outputs = 1, .weights = weights, .bias = bias});

  ServerMetrics metrics(1, [] { return LiveState{}; });
  server::ServedModel served;
  served.name = "m";
  served.model =
      std::make_unique<const model::Model>(snapshot, **model::FindKernelSet("auto", model::Precision::kF32));
  server::ResolveMetrics(&metrics, 0, &served);
  const std::vector<float> numeric(kNumbers * rows, 1.0f);
  std::vector<uint64_t> categorical(kTokens * rows);
  model::Impression impression;
  impression.context.rows = 1;
  impression.candidates.rows = rows;
  impression.candidates.numeric = numeric;
  server::FeatureCounter counter(0);
  server::Time now{};
  size_t next = 0;
  for (auto _ : state) {
    for (uint64_t& token : categorical) token = known[next = (next + 7919) % kVocabulary];
    impression.candidates.categorical = categorical;
    now += server::FeatureCounter::kInterval;
    counter.Offer(now, served, impression);
  }
}
BENCHMARK(Features)->Name("features")->Arg(1)->Arg(8);

// Metrics of `models` models with two versions each, two heads and 39 features; all of it has counted.
class Busy {
 public:
  explicit Busy(size_t models) {
    for (size_t m = 0; m < models; ++m) {
      const std::string name = "model_" + std::to_string(m);
      metrics_.SetServingVersion(name, 2, 1);
      metrics_.SetNewestVersion(name, 2);
      metrics_.CountSwap(name, "swapped", "");
      metrics_.ObserveLoad(name, 0.1);
      for (int64_t version : {1, 2}) {
        const auto& cells =
            versions_.emplace_back(metrics_.ForVersion(name, version, {"click", "conversion"}, 1 << 20));
        for (size_t loop = 0; loop < kLoops; ++loop) {
          cells->of(loop).requests[0][0].Add(123'456'789);
          cells->of(loop).rows.Add(123'456'789);
          for (auto& predictions : cells->of(loop).predictions) {
            for (int i = 0; i < 1000; ++i) predictions.Observe(0.0007 * i);
          }
        }
      }
      for (int f = 0; f < 39; ++f) {
        features_.push_back(metrics_.ForFeature(name, "feature_" + std::to_string(f), f >= 13));
        features_.back()->of(0).values.Add(123'456);
      }
      server::ModelCells& cells = metrics_.ForModel(name)->of(0);
      for (int i = 0; i < 1000; ++i) {
        cells.methods[0].duration.Observe(i * 1e-4);
        cells.forward_duration.Observe(i * 1e-5);
        cells.batch_rows.Observe(i);
      }
    }
  }
  const ServerMetrics& metrics() const { return metrics_; }

 private:
  static constexpr size_t kLoops = 2;
  ServerMetrics metrics_{kLoops, [] { return LiveState{}; }};
  std::vector<std::shared_ptr<const server::VersionMetrics>> versions_;
  std::vector<std::shared_ptr<const server::FeatureMetrics>> features_;
};

void Collect(benchmark::State& state) {
  const Busy busy(static_cast<size_t>(state.range(0)));
  size_t bytes = 0;
  for (auto _ : state) {
    bytes = server::ToTextFormat(busy.metrics().Collect()).size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(Collect)->Name("collect")->Arg(1)->Arg(20)->Unit(benchmark::kMillisecond);

void Scrape(benchmark::State& state) {
  const Busy busy(static_cast<size_t>(state.range(0)));
  const auto http = server::HttpServer::Start("127.0.0.1", 0,
                                              {.metrics = busy.metrics(),
                                               .not_ready = [] { return std::nullopt; },
                                               .status = [] { return std::string(); }});
  if (!http.ok()) return state.SkipWithError(std::string(http.status().message()).c_str());
  size_t bytes = 0;
  for (auto _ : state) bytes = server::HttpGet((*http)->port(), "/metrics").size();
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(Scrape)->Name("scrape")->Arg(1)->Arg(20)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace adscore::bench

BENCHMARK_MAIN();
