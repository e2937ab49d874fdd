// Everything that adscore-server counts, under the names that operators know. Each serving loop writes cells
// of its own; a scrape adds them up.
//
// ServerMetrics is thread-safe. The cells that it hands out are written by one thread each: cells of loop i
// by loop i alone. Those of a model live as long as the ServerMetrics, those of a version or a feature as
// long as somebody holds them: then their series disappear.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"
#include "server/clock.h"
#include "server/metrics/cells.h"
#include "server/metrics/live_map.h"
#include "server/metrics/request_log_counts.h"
#include "server/metrics/thread_time.h"
#include "server/refusal.h"

namespace adscore::server {

// What the loops answer. Operators' calls are counted by name.
enum class Method : uint8_t { kPredict, kPredictStream, kGetModel, kModelInfer, kTensorFlowPredict };
inline constexpr size_t kMethods = 5;
inline constexpr size_t kStatusCodes = 17;  // OK to UNAUTHENTICATED, by number

// Features of a model that have series of their own: the first ones of its schema.
inline constexpr size_t kCountedFeatures = 50;

// What one loop counts whatever the model.
struct alignas(64) LoopCells {
  HistogramCell queue_duration{DurationBounds()};   // from arrival to the start of the batch
  HistogramCell decode_duration{DurationBounds()};  // choosing the version and checking the features
  HistogramCell encode_duration{DurationBounds()};  // of a batch: from features to the networks' input
  HistogramCell write_duration{DurationBounds()};   // from probabilities to an answer in gRPC's hands
  std::array<CounterCell, kRefusals> rejected;
  ThreadTime busy;
};

// What one loop counts of one model, over all its versions.
struct alignas(64) ModelCells {
  struct OfMethod {
    HistogramCell duration{DurationBounds()};  // from arrival until the answer is on its way
  };
  std::array<OfMethod, kMethods> methods;
  // Of all methods that score together; nanoseconds.
  struct OfScoring {
    CounterCell rows;  // of those that succeeded
    CounterCell succeeded;
    CounterCell succeeded_ns;  // from arrival until the answer is on its way
    CounterCell failed;
    CounterCell failed_ns;
    CounterCell queue_ns;    // of those that succeeded: from arrival to the start of the batch
    CounterCell forward_ns;  // of those that succeeded: forward passes that they took part in
  };
  OfScoring scoring;
  HistogramCell forward_duration{DurationBounds()};  // the layers, for one batch
  HistogramCell batch_rows{RowBounds()};             // of one forward pass
};

// What one loop counts of one version.
struct alignas(64) VersionCells {
  explicit VersionCells(size_t heads) {
    for (size_t h = 0; h < heads; ++h) predictions.emplace_back(ProbabilityBounds());
  }
  std::array<std::array<CounterCell, kStatusCodes>, kMethods> requests;  // answered
  CounterCell rows;                                                      // scored
  std::deque<HistogramCell> predictions;                                 // [heads]
  Time features_due{};  // when the loop looks at features again; for itself, no scrape reads it
};

// What one loop counts of one feature, in a sample of the requests: a cell is one value of a row.
struct alignas(64) FeatureCells {
  CounterCell values;   // cells looked at
  CounterCell missing;  // those without a value
  CounterCell unknown;  // those with a token that is not in the vocabulary
};

using ModelMetrics = PerLoop<ModelCells>;

struct VersionMetrics {
  VersionMetrics(size_t loops, std::vector<std::string> head_names, uint64_t bytes)
      : heads(std::move(head_names)), snapshot_bytes(bytes), cells(loops, heads.size()) {}

  VersionCells& of(size_t loop) const { return cells.of(loop); }

  const std::vector<std::string> heads;
  const uint64_t snapshot_bytes;
  const PerLoop<VersionCells> cells;
};

struct FeatureMetrics {
  FeatureMetrics(size_t loops, bool is_in_vocabulary) : has_vocabulary(is_in_vocabulary), cells(loops) {}

  FeatureCells& of(size_t loop) const { return cells.of(loop); }

  const bool has_vocabulary;
  const PerLoop<FeatureCells> cells;
};

// How the server is at the time of a scrape.
struct LiveState {
  size_t queued_rows = 0;
  size_t max_queued_rows = 0;
  bool draining = false;
  std::optional<RequestLogCounts> request_log{};  // if there is one
};

class ServerMetrics final : public prometheus::Collectable {
 public:
  // `loops`: serving loops. `live` is called at a scrape, from any thread.
  ServerMetrics(size_t loops, std::function<LiveState()> live);

  // For the loops.
  LoopCells& loop(size_t i) { return loops_.of(i); }
  const VersionMetrics& no_version() const { return no_version_; }  // of requests that none is chosen for
  // To be resolved once, when a model is loaded: these take a lock.
  // "" for requests that name no model that serves.
  const ModelMetrics* ForModel(std::string_view model);
  // `heads` by name, in the order of the output layer. Asked again for a version that somebody holds, it
  // gives out the same cells if heads and size are the same.
  std::shared_ptr<const VersionMetrics> ForVersion(std::string_view model, int64_t version,
                                                   const std::vector<std::string>& heads,
                                                   uint64_t snapshot_bytes);
  // Shared by the versions that have the feature.
  std::shared_ptr<const FeatureMetrics> ForFeature(std::string_view model, std::string_view feature,
                                                   bool has_vocabulary);

  // For the models' lives. `outcome`: "swapped" (another version serves, without a reason), "refused" or
  // "failed" (may be tried again).
  void CountSwap(std::string_view model, std::string_view outcome, std::string_view reason);
  void ObserveLoad(std::string_view model, double seconds);
  // `created_at`: of the version, in Unix seconds; 0 if it is not known, or nothing serves.
  void SetServingVersion(std::string_view model, int64_t version, int64_t created_at);
  // The highest version in the model root, 0 if there is none.
  void SetNewestVersion(std::string_view model, int64_t version);
  // Of shadow - stable. Written by the model's life alone.
  HistogramCell* ForShadow(std::string_view model, std::string_view head);

  // A call of ModelService. `code`: of the status, by number.
  void CountOperatorCall(std::string_view method, size_t code, double seconds);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  using Key = std::pair<std::string, std::string>;
  using VersionKey = std::pair<std::string, int64_t>;
  struct Serving {
    int64_t version = 0;
    int64_t created_at = 0;
  };
  struct OperatorCalls {
    std::array<uint64_t, kStatusCodes> requests{};
    HistogramCell duration{LoadBounds()};
  };

  // Each appends to `families`; with mutex_ held from CollectRequests on.
  void CollectServer(std::vector<prometheus::MetricFamily>* families) const;
  void CollectStages(std::vector<prometheus::MetricFamily>* families) const;
  void CollectRequests(std::vector<prometheus::MetricFamily>* families) const;
  void CollectBatches(std::vector<prometheus::MetricFamily>* families) const;
  void CollectVersions(std::vector<prometheus::MetricFamily>* families) const;
  void CollectFeatures(std::vector<prometheus::MetricFamily>* families) const;
  void CollectLives(std::vector<prometheus::MetricFamily>* families) const;

  const size_t loop_count_;
  const std::function<LiveState()> live_;
  const PerLoop<LoopCells> loops_;
  const VersionMetrics no_version_;

  mutable std::mutex mutex_;
  // Guarded by mutex_; what the pointers lead to is not.
  std::map<std::string, std::unique_ptr<ModelMetrics>, std::less<>> models_;
  LiveMap<VersionKey, VersionMetrics> versions_;                              // (model, version)
  LiveMap<Key, FeatureMetrics> features_;                                     // (model, feature)
  std::map<std::array<std::string, 3>, uint64_t> swaps_;                      // (model, outcome, reason)
  std::map<std::string, Serving, std::less<>> serving_;                       // by model
  std::map<std::string, int64_t, std::less<>> newest_;                        // by model
  std::map<std::string, std::unique_ptr<HistogramCell>, std::less<>> loads_;  // by model
  std::map<Key, std::unique_ptr<HistogramCell>> shadows_;                     // (model, head)
  std::map<std::string, OperatorCalls, std::less<>> operator_calls_;          // by method
};

}  // namespace adscore::server
