#include "tests/server/served_models.h"

#include "model/kernels/kernel_set.h"
#include "model/model.h"

namespace adscore::server {
namespace {

// `columns`' only row, `rows` times.
class Repeated {
 public:
  Repeated(const model::RawColumns& columns, size_t rows) {
    for (const float value : columns.numeric) numeric_.insert(numeric_.end(), rows, value);
    for (const uint64_t hash : columns.categorical) categorical_.insert(categorical_.end(), rows, hash);
    size_t begin = 0;
    for (const uint32_t count : columns.multi_count) {
      for (size_t r = 0; r < rows; ++r) {
        count_.push_back(count);
        const auto values = columns.multi.subspan(begin, count);
        multi_.insert(multi_.end(), values.begin(), values.end());
      }
      begin += count;
    }
    columns_ = {.rows = rows,
                .numeric = numeric_,
                .categorical = categorical_,
                .multi_count = count_,
                .multi = multi_};
  }
  const model::RawColumns& columns() const { return columns_; }

 private:
  std::vector<float> numeric_;
  std::vector<uint64_t> categorical_;
  std::vector<uint32_t> count_;
  std::vector<uint64_t> multi_;
  model::RawColumns columns_;
};

}  // namespace

std::shared_ptr<const ServedModel> MakeServed(const model::Snapshot& snapshot, const std::string& name,
                                              int64_t version, ServerMetrics* metrics) {
  auto served = std::make_shared<ServedModel>();
  served->name = name;
  served->version = version;
  served->model =
      std::make_unique<const model::Model>(snapshot, **model::FindKernelSet("auto", model::Precision::kF32));
  served->traffic = std::make_unique<TrafficSample>();
  ResolveMetrics(metrics, 0, served.get());
  return served;
}

std::vector<float> ReferenceOf(const model::Snapshot& snapshot, const model::Impression& impression) {
  const Repeated context(impression.context, impression.candidates.rows);
  std::vector<float> probabilities(impression.candidates.rows * snapshot.heads.size());
  model::ReferenceScore(snapshot, context.columns(), impression.candidates, probabilities.data());
  return probabilities;
}

}  // namespace adscore::server
