#include "server/rpc/inference_description.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "server/metrics/model_totals.h"
#include "server/rpc/tensor_features.h"
#include "server/rpc/tensor_view.h"

namespace adscore::server {
namespace {

constexpr const char* kPlatform = "adscore";

// Rows are as many as there are candidates.
struct Tensor {
  std::string name;
  Element element = Element::kFp32;
  size_t width = 1;
};

std::vector<Tensor> InputsOf(const model::Schema& schema) {
  if (IsDense(schema)) return {{.name = std::string(kAllFeatures), .width = schema.features.size()}};
  std::vector<Tensor> inputs;
  for (const model::Feature& feature : schema.features) {
    const bool number = feature.kind == model::FeatureKind::kNumeric;
    inputs.push_back({.name = feature.name, .element = number ? Element::kFp32 : Element::kBytes});
  }
  return inputs;
}

void Describe(const Tensor& tensor, inference::ModelMetadataResponse::TensorMetadata* described) {
  described->set_name(tensor.name);
  described->set_datatype(ToString(tensor.element));
  described->add_shape(-1);
  described->add_shape(static_cast<int64_t>(tensor.width));
}

void Set(uint64_t count, uint64_t ns, inference::StatisticDuration* duration) {
  duration->set_count(count);
  duration->set_ns(ns);
}

}  // namespace

void DescribeMetadata(const ServedModel& served, const ModelVersions& versions,
                      inference::ModelMetadataResponse* response) {
  response->set_name(served.name);
  for (const int64_t version : VersionsInMemory(versions)) response->add_versions(std::to_string(version));
  response->set_platform(kPlatform);
  const model::Snapshot& snapshot = served.model->snapshot();
  for (const Tensor& input : InputsOf(snapshot.schema)) Describe(input, response->add_inputs());
  for (const model::Head& head : snapshot.heads) Describe({.name = head.name}, response->add_outputs());
}

void DescribeConfig(const ServedModel& served, size_t max_rows, inference::ModelConfig* config) {
  config->set_name(served.name);
  config->set_platform(kPlatform);
  config->set_backend(kPlatform);
  config->set_max_batch_size(
      static_cast<int32_t>(std::min<size_t>(max_rows, std::numeric_limits<int32_t>::max())));
  const model::Snapshot& snapshot = served.model->snapshot();
  for (const Tensor& input : InputsOf(snapshot.schema)) {
    inference::ModelInput* described = config->add_input();
    described->set_name(input.name);
    described->set_data_type(input.element == Element::kBytes ? inference::TYPE_STRING
                                                              : inference::TYPE_FP32);
    described->add_dims(static_cast<int64_t>(input.width));
  }
  for (const model::Head& head : snapshot.heads) {
    inference::ModelOutput* described = config->add_output();
    described->set_name(head.name);
    described->set_data_type(inference::TYPE_FP32);
    described->add_dims(1);
  }
  config->mutable_dynamic_batching();
  config->mutable_model_transaction_policy()->set_decoupled(false);
}

void DescribeStatistics(const ServedModel& served, inference::ModelStatistics* statistics) {
  const ModelTotals totals = TotalsOf(*served.metrics);
  statistics->set_name(served.name);
  statistics->set_version(std::to_string(served.version));
  statistics->set_inference_count(totals.rows);
  statistics->set_execution_count(totals.passes);
  inference::InferStatistics* stats = statistics->mutable_inference_stats();
  Set(totals.succeeded, totals.succeeded_ns, stats->mutable_success());
  Set(totals.failed, totals.failed_ns, stats->mutable_fail());
  Set(totals.succeeded, totals.queue_ns, stats->mutable_queue());
  Set(totals.succeeded, totals.forward_ns, stats->mutable_compute_infer());
  // Triton's tools insist on as many of these as of compute_infer.
  Set(totals.succeeded, 0, stats->mutable_compute_input());
  Set(totals.succeeded, 0, stats->mutable_compute_output());
}

}  // namespace adscore::server
