#include "server/serving/model_choice.h"

#include <algorithm>
#include <cmath>

#include "xxhash.h"

namespace adscore::server {
namespace {

const ServedModel* FindVersion(const ModelVersions& versions, int64_t version) {
  if (versions.stable->version == version) return versions.stable.get();
  if (versions.canary != nullptr && versions.canary->version == version) return versions.canary.get();
  const auto found = std::find_if(versions.others.begin(), versions.others.end(),
                                  [&](const auto& other) { return other->version == version; });
  return found == versions.others.end() ? nullptr : found->get();
}

ModelChoice OrNotFound(const ServedModel* served) {
  return {.served = served, .refusal = Refusal::kNotFound};
}

ModelChoice ChooseLabel(const ModelVersions& versions, const Wanted& wanted) {
  if (wanted.version != 0) return {.refusal = Refusal::kInvalid};
  if (wanted.label == "stable") return {.served = versions.stable.get()};
  if (wanted.label == "canary") return OrNotFound(versions.canary.get());
  return {.refusal = Refusal::kInvalid};
}

}  // namespace

bool IsWithinShare(std::string_view model, std::string_view key, double share) {
  const uint64_t seed = XXH3_64bits(model.data(), model.size());
  const uint64_t hash = XXH3_64bits_withSeed(key.data(), key.size(), seed);
  // 53 bits of the hash as a number in [0, 1), which a double holds without rounding.
  return std::ldexp(static_cast<double>(hash >> 11), -53) < share;
}

ModelChoice ChooseModel(const ServedModels& models, const Wanted& wanted) {
  if (models.empty()) return {.refusal = Refusal::kNoModel};
  if (wanted.model.empty() && models.size() > 1) return {.refusal = Refusal::kInvalid};
  const auto found = wanted.model.empty() ? models.begin() : models.find(wanted.model);
  if (found == models.end()) return {.refusal = Refusal::kNotFound};
  const ModelVersions& versions = found->second;
  if (!wanted.label.empty()) return ChooseLabel(versions, wanted);
  if (wanted.version != 0) return OrNotFound(FindVersion(versions, wanted.version));
  if (versions.canary != nullptr && !wanted.key.empty() &&
      IsWithinShare(found->first, wanted.key, versions.canary_share)) {
    return {.served = versions.canary.get()};
  }
  return {.served = versions.stable.get()};
}

}  // namespace adscore::server
