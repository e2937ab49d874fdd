// ModelLife, the part that says which of the loaded versions plays which part, publishes them, and lets go of
// the others.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/snapshots/loader.h"
#include "server/snapshots/model_life.h"
#include "spdlog/spdlog.h"

namespace adscore::server {

// Publishes what should serve, of what is loaded. True if that is something else than before.
bool ModelLife::Arrange(const char* why) {
  DropDamaged();
  problem_ = rollout_error_;
  std::shared_ptr<const ServedModel> stable = ChooseStable();
  if (stable == nullptr) {
    if (rollout_.pinned != 0 && problem_.empty()) {
      problem_ =
          absl::StrCat("version ", rollout_.pinned,
                       " is pinned, and neither it nor a lower one can serve: pin another one, or unpin");
    }
    return Withdraw();
  }
  if (rollout_.pinned == stable->version && !IsListed(stable->version)) {
    problem_ = absl::StrCat("version ", stable->version,
                            " is pinned and only in memory: a server that starts now would not find it");
  }
  if (!listed_.empty() && rollout_.pinned == 0 && listed_[0] > stable->version && IsTooYoung(listed_[0])) {
    problem_ = absl::StrCat("version ", listed_[0], " waits until it is --min-version-age-s old");
  }
  if (rollout_.pinned != 0 && stable->version != rollout_.pinned) {
    problem_ = absl::StrCat("version ", rollout_.pinned, " is pinned and can't serve; version ",
                            stable->version, " does. Publish it again, pin another one, or unpin");
  }
  const ModelVersions before = published_;
  if (stable != before.stable) BecomeStable(stable, why);
  ModelVersions next = {.stable = stable};
  next.canary = Beside(rollout_.canary, "canary");
  next.canary_share = next.canary == nullptr ? 0 : rollout_.canary_share;
  const std::shared_ptr<const ServedModel> shadow = Beside(rollout_.shadow, "shadow");
  if (shadow != shadow_ || stable != before.stable) shadow_differences_.clear();
  shadow_ = shadow;
  stable->traffic->SetWanted(shadow_ != nullptr || policy_.guards.max_mean_shift > 0);
  UnloadWhatHasNoPart();
  for (auto it = loaded_.rbegin(); it != loaded_.rend(); ++it) {
    if (it->second.model != next.stable && it->second.model != next.canary)
      next.others.push_back(it->second.model);
  }
  const bool changed = next != before;
  if (changed) {
    published_ = next;
    retired_.push_back(parts_.registry->Publish(name_, std::move(next)));
  }
  PublishStatus();
  return changed;
}

std::shared_ptr<const ServedModel> ModelLife::ChooseStable() const {
  for (const int64_t version : StableCandidates()) {
    if (MayBeStable(version)) return loaded_.at(version).model;
  }
  const bool still_holds = published_.stable != nullptr && !published_.stable->model->damaged();
  return still_holds ? published_.stable : nullptr;
}

// There is nothing that could answer (any more).
bool ModelLife::Withdraw() {
  const bool served = published_.stable != nullptr;
  if (served) {
    spdlog::error("model {} version {} was damaged and there is no other one: nothing serves", name_,
                  published_.stable->version);
    retired_.push_back(parts_.registry->Withdraw(name_));
    published_ = {};
    loaded_.clear();
    shadow_ = nullptr;
    shadow_differences_.clear();
    parts_.metrics->SetServingVersion(name_, 0, 0);
  }
  PublishStatus();
  return served;
}

void ModelLife::BecomeStable(std::shared_ptr<const ServedModel> stable, const char* why) {
  std::erase(history_, stable->version);
  history_.insert(history_.begin(), stable->version);
  history_.resize(std::min(history_.size(), policy_.keep_versions + 1));
  if (const auto loaded = loaded_.find(stable->version); loaded != loaded_.end())
    loaded->second.is_admitted = true;
  if (published_.stable != nullptr && ScoreTheSameRequests(*published_.stable, *stable)) {
    stable->traffic->Adopt(*published_.stable->traffic);
  }
  stable_since_ = std::chrono::system_clock::now();
  parts_.metrics->SetServingVersion(name_, stable->version, stable->model->snapshot().provenance.created_at);
  parts_.metrics->CountSwap(name_, "swapped", "");
  spdlog::info("model {} version {} serves ({})", name_, stable->version, why);
  published_.stable = std::move(stable);
}

// The version beside the stable one that was decided on, if it can be had.
std::shared_ptr<const ServedModel> ModelLife::Beside(int64_t version, const char* role) {
  if (version == 0 || version == published_.stable->version) return nullptr;
  const auto loaded = loaded_.find(version);
  if (loaded == loaded_.end()) {
    problem_ = absl::StrCat("the ", role, ", version ", version, ", is not there or was refused");
    return nullptr;
  }
  if (!ScoreTheSameRequests(*published_.stable, *loaded->second.model)) {
    problem_ = absl::StrCat("the ", role, ", version ", version,
                            ", has another schema or other heads than version ", published_.stable->version);
    return nullptr;
  }
  return loaded->second.model;
}

// Of those that have been stable, the last ones stay.
void ModelLife::UnloadWhatHasNoPart() {
  std::set<int64_t> staying = {published_.stable->version, rollout_.pinned, rollout_.canary, rollout_.shadow};
  size_t kept = 0;
  for (const int64_t version : history_) {
    if (version == published_.stable->version || !loaded_.contains(version)) continue;
    if (kept++ < policy_.keep_versions) staying.insert(version);
  }
  std::erase_if(loaded_, [&](const auto& entry) { return !staying.contains(entry.first); });
}

void ModelLife::WarnIfGone() {
  if (published_.stable == nullptr) return;
  const int64_t version = published_.stable->version;
  const auto loaded = loaded_.find(version);
  if (loaded == loaded_.end()) return;
  const bool is_gone = !FileIdentity::Of(SnapshotPath(parts_.model_root, name_, version)).has_value();
  if (is_gone && !loaded->second.is_gone) {
    spdlog::warn(
        "model {} version {} is no longer in the model root; it goes on serving until another one is "
        "published, but a server that starts now would not find it",
        name_, version);
  }
  loaded->second.is_gone = is_gone;
}

void ModelLife::PublishStatus() {
  is_known_ = has_directory_ || published_.stable != nullptr;
  if (!is_known_) return parts_.registry->Forget(name_);
  ModelStatus status;
  status.name = name_;
  status.rollout = rollout_;
  status.refused = refusals_.List();
  status.problem = problem_;
  status.shadow = shadow_differences_;
  if (published_.stable != nullptr) {
    status.serving_version = published_.stable->version;
    status.serving_since = stable_since_;
  }
  for (auto it = loaded_.rbegin(); it != loaded_.rend(); ++it) status.loaded.push_back(it->first);
  parts_.registry->SetStatus(std::move(status));
}

void ModelLife::CompareShadow() {
  std::shared_ptr<const ServedModel> stable;
  std::shared_ptr<const ServedModel> shadow;
  {
    const std::lock_guard lock(mutex_);
    stable = published_.stable;
    shadow = shadow_;
  }
  comparison_.Between(stable, shadow);
  if (shadow == nullptr) return;
  comparison_.Run(parts_.metrics);
  const std::lock_guard lock(mutex_);
  if (shadow != shadow_ || stable != published_.stable) return;  // an operator was quicker
  shadow_differences_ = comparison_.differences();
  PublishStatus();
}

// Nobody can pin a retired map again, so a count of one stays one: this thread frees it, not a serving loop.
void ModelLife::FreeRetired() {
  std::vector<std::shared_ptr<const ServedModels>> unused;
  const std::lock_guard lock(mutex_);
  for (auto& models : retired_) {
    if (models.use_count() == 1) unused.push_back(std::move(models));
  }
  std::erase(retired_, nullptr);
}

}  // namespace adscore::server
