#include "client/synthetic_impressions.h"

#include <limits>
#include <random>

#include "data/cell.h"

namespace adscore::client {
namespace {

constexpr double kMissingShare = 0.05;
constexpr uint32_t kMostValues = 4;  // of a multi-valued feature

void DrawColumns(const RoleCounts& counts, size_t rows, std::mt19937_64* random, v1::PackedColumns* columns) {
  std::normal_distribution<float> number;
  std::bernoulli_distribution missing(kMissingShare);
  std::uniform_int_distribution<uint32_t> values(0, kMostValues);
  const auto token = [&] { return std::max<uint64_t>((*random)(), 1); };
  for (size_t i = 0; i < counts.numeric * rows; ++i) {
    columns->add_numeric(missing(*random) ? std::numeric_limits<float>::quiet_NaN() : number(*random));
  }
  for (size_t i = 0; i < counts.categorical * rows; ++i) {
    columns->add_categorical(missing(*random) ? data::kMissingToken : token());
  }
  for (size_t i = 0; i < counts.multi * rows; ++i) {
    const uint32_t count = values(*random);
    columns->add_multi_count(count);
    for (uint32_t v = 0; v < count; ++v) columns->add_multi(token());
  }
}

}  // namespace

std::vector<v1::PredictRequest> DrawImpressions(const ModelSchema& schema, size_t count, size_t candidates,
                                                uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<v1::PredictRequest> requests(count);
  for (v1::PredictRequest& request : requests) {
    request.set_model(schema.model());
    request.set_candidate_count(static_cast<uint32_t>(candidates));
    v1::PackedFeatures* packed = request.mutable_packed();
    packed->set_schema_fingerprint(schema.fingerprint());
    DrawColumns(schema.counts(v1::Feature::ROLE_CONTEXT), 1, &random, packed->mutable_context());
    DrawColumns(schema.counts(v1::Feature::ROLE_CANDIDATE), candidates, &random,
                packed->mutable_candidates());
  }
  return requests;
}

}  // namespace adscore::client
