#include "server/serving/model_choice.h"

namespace adscore::server {

ModelChoice ChooseModel(const ServedModels& models, std::string_view name, int64_t version) {
  if (models.empty()) return {.refusal = Refusal::kNoModel};
  if (name.empty() && models.size() > 1) return {.refusal = Refusal::kInvalid};
  const auto found = name.empty() ? models.begin() : models.find(name);
  if (found == models.end()) return {.refusal = Refusal::kNotFound};
  const ServedModel& served = *found->second;
  if (version != 0 && version != served.version) return {.refusal = Refusal::kNotFound};
  return {.served = &served};
}

}  // namespace adscore::server
