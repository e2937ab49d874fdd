// ServerMetrics, the part that adds the cells up for a scrape, with what operators read about each.
#include <chrono>

#include "server/metrics/families.h"
#include "server/metrics/process_metrics.h"
#include "server/metrics/server_metrics.h"

namespace adscore::server {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr const char* kMethodNames[kMethods] = {"Predict", "PredictStream", "GetModel", "ModelInfer",
                                                "TensorFlowPredict"};
constexpr const char* kCodeNames[kStatusCodes] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

constexpr const char* kLogDropNames[kLogDrops] = {"queue_full", "too_large", "write_failed"};

void AddCells(MetricFamily* family, MetricLabels labels, const HistogramCell& cell) {
  cell.AddTo(&Add(family, std::move(labels))->histogram);
}

void CollectRequestLog(const RequestLogCounts& counts, std::vector<MetricFamily>* families) {
  MetricFamily records = Family("adscore_request_log_records_total", "Requests written to the request log.",
                                MetricType::Counter);
  AddCounter(&records, {}, static_cast<double>(counts.records));
  MetricFamily bytes =
      Family("adscore_request_log_bytes_total", "Bytes written to the request log.", MetricType::Counter);
  AddCounter(&bytes, {}, static_cast<double>(counts.bytes));
  MetricFamily dropped =
      Family("adscore_request_log_dropped_total",
             "Requests chosen for the request log that are not in it, by the reason.", MetricType::Counter);
  for (size_t r = 0; r < kLogDrops; ++r) {
    AddCounter(&dropped, {{"reason", kLogDropNames[r]}}, static_cast<double>(counts.dropped[r]));
  }
  for (MetricFamily* family : {&records, &bytes, &dropped}) families->push_back(std::move(*family));
}

double UnixNow() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

std::vector<MetricFamily> ServerMetrics::Collect() const {
  std::vector<MetricFamily> families;
  CollectServer(&families);
  {
    const std::lock_guard lock(mutex_);
    CollectStages(&families);
    CollectRequests(&families);
    CollectBatches(&families);
    CollectVersions(&families);
    CollectFeatures(&families);
    CollectLives(&families);
  }
  CollectProcess(&families);
  // The text format wants a family's lines together and knows no family without any.
  std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
  return families;
}

void ServerMetrics::CollectServer(std::vector<MetricFamily>* families) const {
  const auto add = [families](const char* name, const char* help, MetricType type) {
    families->push_back(Family(name, help, type));
    return &families->back();
  };
  AddGauge(add("adscore_build_info", "The version of the server; always 1.", MetricType::Gauge),
           {{"version", ADSCORE_VERSION}}, 1);
  const LiveState live = live_();
  AddGauge(add("adscore_queued_rows", "Rows that wait for a forward pass.", MetricType::Gauge), {},
           static_cast<double>(live.queued_rows));
  AddGauge(add("adscore_max_queued_rows", "Rows that may wait; requests beyond that are refused.",
               MetricType::Gauge),
           {}, static_cast<double>(live.max_queued_rows));
  AddGauge(add("adscore_draining", "1 while the server turns new requests away to end, otherwise 0.",
               MetricType::Gauge),
           {}, live.draining ? 1 : 0);

  MetricFamily* busy =
      add("adscore_busy_seconds_total",
          "Processor time of a serving loop, that is time in which it did not wait.", MetricType::Counter);
  for (size_t i = 0; i < loop_count_; ++i) {
    AddCounter(busy, {{"loop", std::to_string(i)}}, loops_.of(i).busy.Seconds());
  }
  MetricFamily* rejected =
      add("adscore_rejected_total", "Impressions that were not scored, by the reason.", MetricType::Counter);
  for (size_t r = 0; r < kRefusals; ++r) {
    AddCounter(rejected, {{"reason", ToString(static_cast<Refusal>(r))}},
               Sum(
                   loops_, [r](const LoopCells& cells) -> auto& { return cells.rejected[r]; }));
  }
  if (live.request_log.has_value()) CollectRequestLog(*live.request_log, families);
}

void ServerMetrics::CollectStages(std::vector<MetricFamily>* families) const {
  MetricFamily queue = Family("adscore_queue_duration_seconds",
                              "From a request's arrival to the start of its batch.", MetricType::Histogram);
  AddHistogram(
      &queue, {}, loops_, [](const LoopCells& cells) -> auto& { return cells.queue_duration; });
  MetricFamily stages = Family("adscore_stage_duration_seconds",
                               "Where time goes: queue, decode and write of each request, encode and forward "
                               "of each batch.",
                               MetricType::Histogram);
  const auto add = [&](const char* stage, auto cell_of) {
    AddHistogram(&stages, {{"stage", stage}}, loops_, cell_of);
  };
  add(
      "queue", [](const LoopCells& cells) -> auto& { return cells.queue_duration; });
  add(
      "decode", [](const LoopCells& cells) -> auto& { return cells.decode_duration; });
  add(
      "encode", [](const LoopCells& cells) -> auto& { return cells.encode_duration; });
  prometheus::ClientMetric* forward = Add(&stages, {{"stage", "forward"}});
  HistogramCell(DurationBounds()).AddTo(&forward->histogram);  // the buckets, also without any model
  for (const auto& [model, metrics] : models_) {
    for (const auto& cells : metrics->all()) cells->forward_duration.AddTo(&forward->histogram);
  }
  add(
      "write", [](const LoopCells& cells) -> auto& { return cells.write_duration; });
  families->push_back(std::move(queue));
  families->push_back(std::move(stages));
}

void ServerMetrics::CollectRequests(std::vector<MetricFamily>* families) const {
  MetricFamily requests =
      Family("adscore_requests_total",
             "Calls answered, by status code; no version: none was chosen for them.", MetricType::Counter);
  const auto add = [&](const std::string& model, const std::string& version, const VersionMetrics& metrics) {
    for (size_t m = 0; m < kMethods; ++m) {
      for (size_t c = 0; c < kStatusCodes; ++c) {
        const double count = Sum(
            metrics.cells, [ m, c ](const VersionCells& cells) -> auto& { return cells.requests[m][c]; });
        // Few codes ever count. But a version's first answers must not be lost: its series begins at 0.
        const bool is_first = m == static_cast<size_t>(Method::kPredict) && c == 0 && !version.empty();
        if (count == 0 && !is_first) continue;
        AddCounter(
            &requests,
            {{"model", model}, {"version", version}, {"method", kMethodNames[m]}, {"code", kCodeNames[c]}},
            count);
      }
    }
  };
  add("", "", no_version_);
  versions_.ForEach([&](const VersionKey& key, const VersionMetrics& metrics) {
    add(key.first, std::to_string(key.second), metrics);
  });

  MetricFamily duration =
      Family("adscore_request_duration_seconds", "From a request's arrival until its answer is on its way.",
             MetricType::Histogram);
  for (const auto& [model, metrics] : models_) {
    for (size_t m = 0; m < kMethods; ++m) {
      AddHistogram(
          &duration, {{"model", model}, {"method", kMethodNames[m]}},
          *metrics, [m](const ModelCells& cells) -> auto& { return cells.methods[m].duration; });
      if (duration.metric.back().histogram.sample_count == 0) duration.metric.pop_back();
    }
  }
  for (const auto& [method, calls] : operator_calls_) {
    for (size_t c = 0; c < kStatusCodes; ++c) {
      if (calls.requests[c] == 0) continue;
      AddCounter(&requests, {{"model", ""}, {"version", ""}, {"method", method}, {"code", kCodeNames[c]}},
                 static_cast<double>(calls.requests[c]));
    }
    AddCells(&duration, {{"model", ""}, {"method", method}}, calls.duration);
  }
  families->push_back(std::move(requests));
  families->push_back(std::move(duration));
}

void ServerMetrics::CollectBatches(std::vector<MetricFamily>* families) const {
  MetricFamily forward = Family("adscore_forward_duration_seconds",
                                "The layers of the network, for one batch.", MetricType::Histogram);
  MetricFamily batch = Family("adscore_batch_rows", "Candidates in one forward pass.", MetricType::Histogram);
  for (const auto& [model, metrics] : models_) {
    if (model.empty()) continue;  // nothing is scored without a model
    AddHistogram(
        &forward, {{"model", model}}, *metrics,
        [](const ModelCells& cells) -> auto& { return cells.forward_duration; });
    AddHistogram(
        &batch, {{"model", model}}, *metrics,
        [](const ModelCells& cells) -> auto& { return cells.batch_rows; });
  }
  families->push_back(std::move(forward));
  families->push_back(std::move(batch));
}

void ServerMetrics::CollectVersions(std::vector<MetricFamily>* families) const {
  MetricFamily rows = Family("adscore_rows_total", "Candidates scored.", MetricType::Counter);
  MetricFamily prediction = Family("adscore_prediction",
                                   "Probabilities answered, by head; their mean moves when the model or the "
                                   "traffic does.",
                                   MetricType::Histogram);
  MetricFamily bytes = Family("adscore_snapshot_bytes", "Size of the snapshot file of a version in memory.",
                              MetricType::Gauge);
  versions_.ForEach([&](const VersionKey& key, const VersionMetrics& metrics) {
    const std::string& model = key.first;
    const std::string version = std::to_string(key.second);
    AddCounter(&rows, {{"model", model}, {"version", version}},
               Sum(
                   metrics.cells, [](const VersionCells& cells) -> auto& { return cells.rows; }));
    AddGauge(&bytes, {{"model", model}, {"version", version}}, static_cast<double>(metrics.snapshot_bytes));
    for (size_t h = 0; h < metrics.heads.size(); ++h) {
      AddHistogram(
          &prediction, {{"model", model}, {"version", version}, {"head", metrics.heads[h]}},
          metrics.cells, [h](const VersionCells& cells) -> auto& { return cells.predictions[h]; });
    }
  });
  for (MetricFamily* family : {&rows, &prediction, &bytes}) families->push_back(std::move(*family));
}

void ServerMetrics::CollectFeatures(std::vector<MetricFamily>* families) const {
  MetricFamily values = Family("adscore_feature_values_total",
                               "Values of a feature that were looked at: the first 8 candidates of at most "
                               "100 requests a second and loop, the first 50 features of a schema.",
                               MetricType::Counter);
  MetricFamily missing =
      Family("adscore_feature_missing_total", "Those of adscore_feature_values_total that were missing.",
             MetricType::Counter);
  MetricFamily unknown = Family("adscore_feature_unknown_total",
                                "Those of adscore_feature_values_total with a token that is not in the "
                                "vocabulary; numbers have none.",
                                MetricType::Counter);
  features_.ForEach([&](const Key& key, const FeatureMetrics& metrics) {
    const MetricLabels labels = {{"model", key.first}, {"feature", key.second}};
    AddCounter(&values, labels,
               Sum(
                   metrics.cells, [](const FeatureCells& cells) -> auto& { return cells.values; }));
    AddCounter(&missing, labels,
               Sum(
                   metrics.cells, [](const FeatureCells& cells) -> auto& { return cells.missing; }));
    if (!metrics.has_vocabulary) return;
    AddCounter(&unknown, labels,
               Sum(
                   metrics.cells, [](const FeatureCells& cells) -> auto& { return cells.unknown; }));
  });
  for (MetricFamily* family : {&values, &missing, &unknown}) families->push_back(std::move(*family));
}

void ServerMetrics::CollectLives(std::vector<MetricFamily>* families) const {
  MetricFamily version =
      Family("adscore_model_version", "The version that serves; 0: none does any more.", MetricType::Gauge);
  MetricFamily age =
      Family("adscore_model_age_seconds", "Since the version that serves was trained.", MetricType::Gauge);
  for (const auto& [model, serving] : serving_) {
    AddGauge(&version, {{"model", model}}, static_cast<double>(serving.version));
    if (serving.created_at == 0) continue;
    AddGauge(&age, {{"model", model}}, UnixNow() - static_cast<double>(serving.created_at));
  }
  MetricFamily newest = Family("adscore_model_newest_version",
                               "The highest version in the model root, whether it serves, waits or was "
                               "refused; 0: there is none.",
                               MetricType::Gauge);
  for (const auto& [model, number] : newest_) {
    AddGauge(&newest, {{"model", model}}, static_cast<double>(number));
  }
  MetricFamily swaps =
      Family("adscore_model_swaps_total",
             "Versions that began to serve (swapped), were refused, or failed to load and are tried again.",
             MetricType::Counter);
  for (const auto& [key, count] : swaps_) {
    AddCounter(&swaps, {{"model", key[0]}, {"outcome", key[1]}, {"reason", key[2]}},
               static_cast<double>(count));
  }
  MetricFamily load =
      Family("adscore_model_load_duration_seconds",
             "Reading, checking, packing and replaying a version before it serves.", MetricType::Histogram);
  for (const auto& [model, cell] : loads_) AddCells(&load, {{"model", model}}, *cell);
  MetricFamily shadow =
      Family("adscore_shadow_difference",
             "Probability by the shadow version less that by the stable one, for a sample of the traffic.",
             MetricType::Histogram);
  for (const auto& [key, cell] : shadows_) {
    AddCells(&shadow, {{"model", key.first}, {"head", key.second}}, *cell);
  }
  for (MetricFamily* family : {&version, &age, &newest, &swaps, &load, &shadow}) {
    families->push_back(std::move(*family));
  }
}

}  // namespace adscore::server
