#include "server/snapshots/guards.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "spdlog/spdlog.h"

namespace adscore::server {
namespace {

double Mean(std::span<const float> probabilities, size_t head, size_t heads) {
  double sum = 0;
  for (size_t i = head; i < probabilities.size(); i += heads) sum += probabilities[i];
  return sum * static_cast<double>(heads) / static_cast<double>(probabilities.size());
}

std::optional<LoadFailure> CheckMeanShift(double limit, const ServedModel& now, const ServedModel& next) {
  uint64_t from_the_start = 0;
  const std::vector<SampledImpression> sampled = now.traffic->Since(&from_the_start);
  const std::vector<float> before = ScoreSample(*now.model, sampled);
  const size_t heads = now.model->heads();
  if (before.size() / heads < kFewestGuardRows) {
    spdlog::info("model {} version {}: only {} rows of recent traffic, so its mean prediction is not judged",
                 next.name, next.version, before.size() / heads);
    return std::nullopt;
  }
  const std::vector<float> after = ScoreSample(*next.model, sampled);
  for (size_t h = 0; h < heads; ++h) {
    const double old_mean = Mean(before, h, heads);
    const double new_mean = Mean(after, h, heads);
    const double shift = std::fabs(new_mean / old_mean - 1);
    if (shift <= limit) continue;
    return LoadFailure{
        absl::FailedPreconditionError(absl::StrFormat(
            "the mean prediction of head '%s' on the last %d rows of traffic would go from %.6g (version %d) "
            "to "
            "%.6g, by %.1f %%, and --max-mean-shift allows %.1f %%; if that is right, pin the version",
            now.model->snapshot().heads[h].name, before.size() / heads, old_mean, now.version, new_mean,
            100 * shift, 100 * limit)),
        "mean_shift", /*is_judged=*/true};
  }
  return std::nullopt;
}

}  // namespace

std::vector<float> ScoreSample(const model::Model& model, std::span<const SampledImpression> sampled) {
  std::vector<model::Impression> impressions;
  size_t rows = 0;
  for (const SampledImpression& impression : sampled) {
    impressions.push_back(impression.View());
    rows += impression.rows;
  }
  model::ScoreScratch scratch;
  std::vector<float> probabilities(rows * model.heads());
  model.Score(impressions, &scratch, probabilities.data());
  return probabilities;
}

std::optional<LoadFailure> CheckGuards(const Guards& guards, const ServedModel& now,
                                       const ServedModel& next) {
  const bool is_alike = ScoreTheSameRequests(now, next);
  if (!is_alike && !guards.allow_schema_change) {
    return LoadFailure{absl::FailedPreconditionError(absl::StrCat(
                           "its schema or its heads are not those of version ", now.version,
                           ", which serves, and --schema-change=refuse; if that is right, pin the version")),
                       "schema", /*is_judged=*/true};
  }
  // Traffic that was made for another schema says nothing.
  if (!is_alike || guards.max_mean_shift == 0) return std::nullopt;
  return CheckMeanShift(guards.max_mean_shift, now, next);
}

}  // namespace adscore::server
