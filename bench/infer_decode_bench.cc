// What the Open Inference Protocol costs beside Predict, without gRPC and without the forward pass, on one
// thread: from the bytes of a request to the columns that the model reads, and from probabilities to the
// bytes of the answer. See bench/README.md.
//
// Benchmarks: predict/NUMBERS/TOKENS/ROWS (packed), infer/NUMBERS/TOKENS/ROWS (raw; one tensor for all
// features where they are numbers, otherwise one for each). Counter: ns_per_row.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "data/cell.h"
#include "model/schema.h"
#include "model/snapshot.h"
#include "server/rpc/codec.h"
#include "server/rpc/infer_codec.h"
#include "server/rpc/message_arena.h"

namespace adscore::bench {
namespace {

// A schema with one head, and rows for it in the bytes of both requests.
class Requests {
 public:
  Requests(size_t numbers, size_t tokens, size_t rows) {
    std::mt19937_64 generator(1);
    std::normal_distribution<float> normal;
    packed_.set_model("ads");
    packed_.set_candidate_count(static_cast<uint32_t>(rows));
    v1::PackedColumns* candidates = packed_.mutable_packed()->mutable_candidates();
    infer_.set_model_name("ads");
    std::vector<float> by_column;
    for (size_t i = 0; i < numbers; ++i) {
      AddFeature("I" + std::to_string(i), model::FeatureKind::kNumeric);
      for (size_t r = 0; r < rows; ++r) by_column.push_back(normal(generator));
    }
    candidates->mutable_numeric()->Add(by_column.begin(), by_column.end());
    if (tokens == 0) {
      std::string* bytes = AddTensor("features", "FP32", {rows, numbers});
      for (size_t r = 0; r < rows; ++r) {
        for (size_t i = 0; i < numbers; ++i) AppendBytes(&by_column[i * rows + r], 1, bytes);
      }
    } else {
      for (size_t i = 0; i < numbers; ++i) {
        AppendBytes(&by_column[i * rows], rows, AddTensor("I" + std::to_string(i), "FP32", {rows, 1}));
      }
    }
    for (size_t i = 0; i < tokens; ++i) {
      const std::string name = "C" + std::to_string(i);
      AddFeature(name, model::FeatureKind::kCategorical);
      std::string* bytes = AddTensor(name, "BYTES", {rows, 1});
      for (size_t r = 0; r < rows; ++r) {
        char token[9];
        snprintf(token, sizeof(token), "%08x", static_cast<unsigned>(generator() >> 32));
        const uint32_t length = 8;
        AppendBytes(&length, 1, bytes);
        bytes->append(token);
        candidates->add_categorical(data::TokenHash(token));
      }
    }
    snapshot_.heads.emplace_back().name = "click";
    fingerprint_ = model::Fingerprint(snapshot_.schema);
    packed_.mutable_packed()->set_schema_fingerprint(fingerprint_);
  }

  const model::Snapshot& snapshot() const { return snapshot_; }
  uint64_t fingerprint() const { return fingerprint_; }
  std::string packed() const { return packed_.SerializeAsString(); }
  std::string infer() const { return infer_.SerializeAsString(); }

 private:
  void AddFeature(const std::string& name, model::FeatureKind kind) {
    model::Feature& feature = snapshot_.schema.features.emplace_back();
    feature.name = name;
    feature.kind = kind;
  }
  std::string* AddTensor(const std::string& name, const char* datatype, std::vector<size_t> shape) {
    auto* input = infer_.add_inputs();
    input->set_name(name);
    input->set_datatype(datatype);
    for (const size_t size : shape) input->add_shape(static_cast<int64_t>(size));
    return infer_.add_raw_input_contents();
  }
  template <typename T>
  static void AppendBytes(const T* values, size_t count, std::string* bytes) {
    bytes->append(reinterpret_cast<const char*>(values), count * sizeof(T));
  }

  model::Snapshot snapshot_;  // schema and heads only
  uint64_t fingerprint_ = 0;
  v1::PredictRequest packed_;
  inference::ModelInferRequest infer_;
};

Requests RequestsOf(const benchmark::State& state) {
  return Requests(static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1)),
                  static_cast<size_t>(state.range(2)));
}

void CountRows(benchmark::State* state) {
  const double rows = static_cast<double>(state->iterations()) * static_cast<double>(state->range(2));
  state->counters["ns_per_row"] =
      benchmark::Counter(rows * 1e-9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void Predict(benchmark::State& state) {
  const Requests requests = RequestsOf(state);
  const std::string bytes = requests.packed();
  const std::vector<float> probabilities(static_cast<size_t>(state.range(2)), 0.25F);
  server::MessageArena arena;
  server::RequestDecoder decoder;
  std::string answer;
  for (auto _ : state) {
    arena.Reset();
    auto* request = arena.Create<v1::PredictRequest>();
    auto* response = arena.Create<v1::PredictResponse>();
    model::Impression impression;
    if (!request->ParseFromString(bytes) ||
        decoder.Decode(*request, requests.snapshot().schema, requests.fingerprint(), &impression)) {
      state.SkipWithError(decoder.message().c_str());
      break;
    }
    benchmark::DoNotOptimize(impression.candidates.numeric.data());
    server::EncodeResponse(1, probabilities, 1, {}, response);
    response->SerializeToString(&answer);
    benchmark::DoNotOptimize(answer.data());
  }
  CountRows(&state);
}

void Infer(benchmark::State& state) {
  const Requests requests = RequestsOf(state);
  const std::string bytes = requests.infer();
  const std::vector<float> probabilities(static_cast<size_t>(state.range(2)), 0.25F);
  server::MessageArena arena;
  server::InferRequest request;
  server::InferDecoder decoder;
  std::string answer;
  for (auto _ : state) {
    arena.Reset();
    auto* response = arena.Create<inference::ModelInferResponse>();
    model::Impression impression;
    if (!request.Read(bytes).ok() || decoder.Decode(request, requests.snapshot(), &impression)) {
      state.SkipWithError(decoder.message().c_str());
      break;
    }
    benchmark::DoNotOptimize(impression.candidates.numeric.data());
    server::EncodeInferResponse(request, "ads", 1, requests.snapshot(), probabilities, decoder.heads(),
                                response);
    response->SerializeToString(&answer);
    benchmark::DoNotOptimize(answer.data());
  }
  CountRows(&state);
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  for (const int64_t rows : {1, 10, 100}) {
    benchmark->Args({10, 0, rows})->Args({429, 0, rows})->Args({13, 26, rows});
  }
}

BENCHMARK(Predict)->Name("predict")->Apply(Shapes);
BENCHMARK(Infer)->Name("infer")->Apply(Shapes);

}  // namespace
}  // namespace adscore::bench

BENCHMARK_MAIN();
