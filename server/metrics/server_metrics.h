// Everything that adscore-server counts, under the names that operators know. Each serving loop writes cells
// of its own; a scrape adds them up.
//
// ServerMetrics is thread-safe. The cells that it hands out are written by one thread each: cells of loop i
// by loop i alone. They live as long as the ServerMetrics.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"
#include "server/metrics/cells.h"
#include "server/refusal.h"

namespace adscore::server {

// What the loops answer. Operators' calls are counted by name.
enum class Method : uint8_t { kPredict, kPredictStream, kGetModel, kModelInfer, kTensorFlowPredict };
inline constexpr size_t kMethods = 5;
inline constexpr size_t kStatusCodes = 17;  // OK to UNAUTHENTICATED, by number

// What one loop counts whatever the model.
struct alignas(64) LoopCells {
  HistogramCell queue_duration{DurationBounds()};  // from arrival to the start of the batch
  std::array<CounterCell, kRefusals> rejected;
};

// What one loop counts of one model.
struct alignas(64) ModelCells {
  struct OfMethod {
    std::array<CounterCell, kStatusCodes> requests;
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
  CounterCell rows;                                  // scored
  HistogramCell forward_duration{DurationBounds()};  // one forward pass
  HistogramCell batch_rows{RowBounds()};             // of one forward pass
};

// Cells of all loops.
template <typename Cells>
class PerLoop {
 public:
  template <typename... Args>
  explicit PerLoop(size_t loops, const Args&... args) {
    for (size_t i = 0; i < loops; ++i) cells_.push_back(std::make_unique<Cells>(args...));
  }
  Cells& of(size_t loop) const { return *cells_[loop]; }
  const std::vector<std::unique_ptr<Cells>>& all() const { return cells_; }

 private:
  std::vector<std::unique_ptr<Cells>> cells_;
};

using ModelMetrics = PerLoop<ModelCells>;
using HeadMetrics = PerLoop<HistogramCell>;

class ServerMetrics final : public prometheus::Collectable {
 public:
  // `loops`: serving loops. `queued_rows` is called at a scrape, from any thread.
  ServerMetrics(size_t loops, std::function<double()> queued_rows);

  // For the loops. Resolve the model's and the head's once, when a model is loaded: they take a lock.
  LoopCells& loop(size_t i) { return loops_.of(i); }
  const ModelMetrics* ForModel(std::string_view model);  // "" for requests that name no model that serves
  const HeadMetrics* ForHead(std::string_view model, std::string_view head);

  // For the models' lives. `outcome`: "swapped" (another version serves, without a reason), "refused" or
  // "failed" (may be tried again).
  void CountSwap(std::string_view model, std::string_view outcome, std::string_view reason);
  void ObserveLoad(std::string_view model, double seconds);
  void SetServingVersion(std::string_view model, int64_t version);
  // Of shadow - stable. Written by the model's life alone.
  HistogramCell* ForShadow(std::string_view model, std::string_view head);

  // A call of ModelService. `code`: of the status, by number.
  void CountOperatorCall(std::string_view method, size_t code, double seconds);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  using Key = std::pair<std::string, std::string>;

  void CollectModels(std::vector<prometheus::MetricFamily>* families) const;
  void CollectSwaps(std::vector<prometheus::MetricFamily>* families) const;

  const size_t loop_count_;
  const std::function<double()> queued_rows_;
  const PerLoop<LoopCells> loops_;

  mutable std::mutex mutex_;
  // Guarded by mutex_; what the pointers lead to is not.
  std::map<std::string, std::unique_ptr<ModelMetrics>, std::less<>> models_;
  std::map<Key, std::unique_ptr<HeadMetrics>> heads_;                         // (model, head)
  std::map<std::array<std::string, 3>, uint64_t> swaps_;                      // (model, outcome, reason)
  std::map<std::string, int64_t, std::less<>> versions_;                      // by model
  std::map<std::string, std::unique_ptr<HistogramCell>, std::less<>> loads_;  // by model
  std::map<Key, std::unique_ptr<HistogramCell>> shadows_;                     // (model, head)
  struct OperatorCalls {
    std::array<uint64_t, kStatusCodes> requests{};
    HistogramCell duration{LoadBounds()};
  };
  std::map<std::string, OperatorCalls, std::less<>> operator_calls_;  // by method
};

}  // namespace adscore::server
