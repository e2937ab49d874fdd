#include "server/metrics/server_metrics.h"

namespace adscore::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr const char* kMethodNames[kMethods] = {"Predict", "PredictStream", "GetModel", "ModelInfer",
                                                "TensorFlowPredict"};
constexpr const char* kCodeNames[kStatusCodes] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

MetricFamily Family(const char* name, const char* help, MetricType type) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

void AddCounter(MetricFamily* family, Labels labels, uint64_t value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = static_cast<double>(value);
  family->metric.push_back(std::move(metric));
}

void AddGauge(MetricFamily* family, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  family->metric.push_back(std::move(metric));
}

// `cell_of(cells)` picks the histogram of one loop's cells.
template <typename Cells, typename CellOf>
void AddHistogram(MetricFamily* family, Labels labels, const PerLoop<Cells>& loops, CellOf cell_of) {
  ClientMetric metric;
  metric.label = std::move(labels);
  for (const auto& cells : loops.all()) cell_of(*cells).AddTo(&metric.histogram);
  family->metric.push_back(std::move(metric));
}

template <typename Cells, typename CellOf>
uint64_t Sum(const PerLoop<Cells>& loops, CellOf cell_of) {
  uint64_t sum = 0;
  for (const auto& cells : loops.all()) sum += cell_of(*cells).value();
  return sum;
}

}  // namespace

ServerMetrics::ServerMetrics(size_t loops, std::function<double()> queued_rows)
    : loop_count_(loops), queued_rows_(std::move(queued_rows)), loops_(loops) {}

const ModelMetrics* ServerMetrics::ForModel(std::string_view model) {
  const std::lock_guard lock(mutex_);
  auto& metrics = models_[std::string(model)];
  if (metrics == nullptr) metrics = std::make_unique<ModelMetrics>(loop_count_);
  return metrics.get();
}

const HeadMetrics* ServerMetrics::ForHead(std::string_view model, std::string_view head) {
  const std::lock_guard lock(mutex_);
  auto& metrics = heads_[Key(model, head)];
  if (metrics == nullptr) metrics = std::make_unique<HeadMetrics>(loop_count_, ProbabilityBounds());
  return metrics.get();
}

void ServerMetrics::CountSwap(std::string_view model, std::string_view outcome, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  ++swaps_[{std::string(model), std::string(outcome), std::string(reason)}];
}

HistogramCell* ServerMetrics::ForShadow(std::string_view model, std::string_view head) {
  const std::lock_guard lock(mutex_);
  auto& cell = shadows_[Key(model, head)];
  if (cell == nullptr) cell = std::make_unique<HistogramCell>(DifferenceBounds());
  return cell.get();
}

void ServerMetrics::CountOperatorCall(std::string_view method, size_t code, double seconds) {
  const std::lock_guard lock(mutex_);
  OperatorCalls& calls = operator_calls_[std::string(method)];
  ++calls.requests[code];
  calls.duration.Observe(seconds);
}

void ServerMetrics::ObserveLoad(std::string_view model, double seconds) {
  const std::lock_guard lock(mutex_);
  auto& load = loads_[std::string(model)];
  if (load == nullptr) load = std::make_unique<HistogramCell>(LoadBounds());
  load->Observe(seconds);
}

void ServerMetrics::SetServingVersion(std::string_view model, int64_t version) {
  const std::lock_guard lock(mutex_);
  versions_[std::string(model)] = version;
}

std::vector<MetricFamily> ServerMetrics::Collect() const {
  std::vector<MetricFamily> families;

  MetricFamily build =
      Family("adscore_build_info", "The version of the server; always 1.", MetricType::Gauge);
  AddGauge(&build, {{"version", ADSCORE_VERSION}}, 1);
  families.push_back(std::move(build));

  MetricFamily queued =
      Family("adscore_queued_rows", "Rows that wait for a forward pass.", MetricType::Gauge);
  AddGauge(&queued, {}, queued_rows_());
  families.push_back(std::move(queued));

  MetricFamily queue = Family("adscore_queue_duration_seconds",
                              "From a request's arrival to the start of its batch.", MetricType::Histogram);
  AddHistogram(
      &queue, {}, loops_, [](const LoopCells& cells) -> auto& { return cells.queue_duration; });
  families.push_back(std::move(queue));

  MetricFamily rejected = Family(
      "adscore_rejected_total", "Predict requests that were not scored, by the reason.", MetricType::Counter);
  for (size_t r = 0; r < kRefusals; ++r) {
    AddCounter(&rejected, {{"reason", ToString(static_cast<Refusal>(r))}},
               Sum(
                   loops_, [r](const LoopCells& cells) -> auto& { return cells.rejected[r]; }));
  }
  families.push_back(std::move(rejected));

  const std::lock_guard lock(mutex_);
  CollectModels(&families);
  CollectSwaps(&families);
  return families;
}

void ServerMetrics::CollectModels(std::vector<MetricFamily>* families) const {
  MetricFamily requests =
      Family("adscore_requests_total", "Calls answered, by status code.", MetricType::Counter);
  MetricFamily duration =
      Family("adscore_request_duration_seconds", "From a request's arrival until its answer is on its way.",
             MetricType::Histogram);
  MetricFamily rows = Family("adscore_rows_total", "Candidates scored.", MetricType::Counter);
  MetricFamily forward =
      Family("adscore_forward_duration_seconds", "One forward pass of a batch.", MetricType::Histogram);
  MetricFamily batch = Family("adscore_batch_rows", "Candidates in one forward pass.", MetricType::Histogram);
  for (const auto& [model, metrics] : models_) {
    for (size_t m = 0; m < kMethods; ++m) {
      bool called = false;
      for (size_t c = 0; c < kStatusCodes; ++c) {
        const uint64_t count = Sum(
            *metrics, [ m, c ](const ModelCells& cells) -> auto& { return cells.methods[m].requests[c]; });
        if (count == 0) continue;  // 5 × 17 series per model, of which few ever count
        called = true;
        AddCounter(&requests, {{"model", model}, {"method", kMethodNames[m]}, {"code", kCodeNames[c]}},
                   count);
      }
      if (!called) continue;
      AddHistogram(
          &duration, {{"model", model}, {"method", kMethodNames[m]}},
          *metrics, [m](const ModelCells& cells) -> auto& { return cells.methods[m].duration; });
    }
    if (model.empty()) continue;  // nothing is scored without a model
    AddCounter(&rows, {{"model", model}},
               Sum(
                   *metrics, [](const ModelCells& cells) -> auto& { return cells.rows; }));
    AddHistogram(
        &forward, {{"model", model}}, *metrics,
        [](const ModelCells& cells) -> auto& { return cells.forward_duration; });
    AddHistogram(
        &batch, {{"model", model}}, *metrics,
        [](const ModelCells& cells) -> auto& { return cells.batch_rows; });
  }
  for (const auto& [method, calls] : operator_calls_) {
    for (size_t c = 0; c < kStatusCodes; ++c) {
      if (calls.requests[c] == 0) continue;
      AddCounter(&requests, {{"model", ""}, {"method", method}, {"code", kCodeNames[c]}}, calls.requests[c]);
    }
    ClientMetric metric;
    metric.label = {{"model", ""}, {"method", method}};
    calls.duration.AddTo(&metric.histogram);
    duration.metric.push_back(std::move(metric));
  }
  MetricFamily prediction =
      Family("adscore_prediction", "Probabilities answered, by head.", MetricType::Histogram);
  for (const auto& [key, metrics] : heads_) {
    AddHistogram(
        &prediction, {{"model", key.first}, {"head", key.second}}, *metrics,
        [](const HistogramCell& cell) -> auto& { return cell; });
  }
  for (MetricFamily* family : {&requests, &duration, &rows, &forward, &batch, &prediction}) {
    families->push_back(std::move(*family));
  }
}

void ServerMetrics::CollectSwaps(std::vector<MetricFamily>* families) const {
  MetricFamily version = Family("adscore_model_version", "The version that serves.", MetricType::Gauge);
  for (const auto& [model, number] : versions_) {
    AddGauge(&version, {{"model", model}}, static_cast<double>(number));
  }
  MetricFamily swaps =
      Family("adscore_model_swaps_total",
             "Versions that began to serve (swapped), were refused, or failed to load and are tried again.",
             MetricType::Counter);
  for (const auto& [key, count] : swaps_) {
    AddCounter(&swaps, {{"model", key[0]}, {"outcome", key[1]}, {"reason", key[2]}}, count);
  }

  MetricFamily load =
      Family("adscore_model_load_duration_seconds",
             "Reading, checking, packing and replaying a version before it serves.", MetricType::Histogram);
  for (const auto& [model, cell] : loads_) {
    ClientMetric metric;
    metric.label = {{"model", model}};
    cell->AddTo(&metric.histogram);
    load.metric.push_back(std::move(metric));
  }
  MetricFamily shadow =
      Family("adscore_shadow_difference",
             "Probability by the shadow version less that by the stable one, for a sample of the traffic.",
             MetricType::Histogram);
  for (const auto& [key, cell] : shadows_) {
    ClientMetric metric;
    metric.label = {{"model", key.first}, {"head", key.second}};
    cell->AddTo(&metric.histogram);
    shadow.metric.push_back(std::move(metric));
  }
  for (MetricFamily* family : {&version, &swaps, &load, &shadow}) families->push_back(std::move(*family));
}

}  // namespace adscore::server
