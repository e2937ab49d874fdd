#include "server/snapshots/model_life.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/model_root.h"
#include "server/snapshots/loader.h"
#include "spdlog/spdlog.h"

namespace adscore::server {
ModelLife::ModelLife(std::string name, const LifeParts& parts) : name_(std::move(name)), parts_(parts) {}

bool ModelLife::Look() {
  const std::lock_guard load_lock(load_mutex_);
  FreeRetired();
  std::set<int64_t> tried;  // a file that is still being written is another one at every try
  std::optional<int64_t> next;
  {
    const std::lock_guard lock(mutex_);
    ReadRolloutFile();
    ListVersions();
    DropDamaged();
    next = NextToTry(tried);
  }
  while (next.has_value()) {
    Try(*next, /*ask_guards=*/true);
    tried.insert(*next);
    const std::lock_guard lock(mutex_);
    next = NextToTry(tried);
  }
  bool changed = false;
  {
    const std::lock_guard lock(mutex_);
    const bool was_known = is_known_;
    changed = Arrange("the newest that holds") || was_known != is_known_;
    WarnIfGone();
  }
  CompareShadow();
  FreeRetired();
  return changed;
}

void ModelLife::ReadRolloutFile() {
  const auto file = FileIdentity::Of(model::RolloutPath(parts_.model_root, name_));
  if (file == rollout_file_ && rollout_error_.empty()) return;
  // A model whose directory is gone has decided nothing anew.
  if (!file.has_value() && !model::ListVersions(parts_.model_root, name_).ok()) return;
  const absl::StatusOr<model::Rollout> rollout = model::ReadRollout(parts_.model_root, name_);
  if (!rollout.ok()) {
    if (rollout_error_ != rollout.status().message()) {
      rollout_error_ = std::string(rollout.status().message());
      spdlog::error("model {}: {}; {}", name_, rollout_error_,
                    has_read_rollout_ ? "what was decided before stays"
                                      : "what was decided is not known, so the newest version serves");
    }
    return;
  }
  rollout_error_.clear();
  rollout_file_ = file;
  has_read_rollout_ = true;
  if (*rollout == rollout_) return;
  rollout_ = *rollout;
  spdlog::info("model {}: rollout.json now says {}", name_,
               rollout_ == model::Rollout() ? "nothing" : model::RolloutToJson(rollout_));
}

void ModelLife::ListVersions() {
  auto versions = model::ListVersions(parts_.model_root, name_);
  has_directory_ = versions.ok();
  listed_ = versions.ok() ? *std::move(versions) : std::vector<int64_t>();
  refusals_.ForgetAllBut(listed_);
}

// A version whose file was changed under it must not answer any more; it is as if it had failed to load.
void ModelLife::DropDamaged() {
  for (auto it = loaded_.begin(); it != loaded_.end();) {
    const auto& [version, loaded] = *it;
    if (!loaded.model->model->damaged()) {
      ++it;
      continue;
    }
    const std::string path = SnapshotPath(parts_.model_root, name_, version);
    if (FileIdentity::Of(path) == loaded.file) {
      const std::string what = path + ": a part of it can't be read any more: the disk or the mount fails";
      Refuse(version, loaded.file, {absl::UnavailableError(what), "io"});
    } else {
      const std::string what = path +
                               " was truncated or changed while it was in use; publish it again, and never "
                               "write to a published file";
      Refuse(version, loaded.file, {absl::DataLossError(what), "damaged"});
    }
    it = loaded_.erase(it);
  }
}

bool ModelLife::IsListed(int64_t version) const {
  return std::find(listed_.begin(), listed_.end(), version) != listed_.end();
}

bool ModelLife::IsTooYoung(int64_t version) const {
  const auto file = FileIdentity::Of(SnapshotPath(parts_.model_root, name_, version));
  if (parts_.guards.min_age.count() == 0 || !file.has_value()) return false;
  const std::chrono::nanoseconds age =
      std::chrono::system_clock::now().time_since_epoch() - std::chrono::nanoseconds(file->modified_at);
  return age < parts_.guards.min_age;
}

// The versions that may be the stable one, the best first.
std::vector<int64_t> ModelLife::StableCandidates() const {
  std::vector<int64_t> candidates = listed_;
  // What serves goes on serving, also without a directory.
  const int64_t stable = published_.stable == nullptr ? 0 : published_.stable->version;
  if (stable != 0 && !IsListed(stable)) candidates.push_back(stable);
  std::sort(candidates.rbegin(), candidates.rend());
  if (rollout_.pinned != 0) {
    // Never one above the pinned version: that may be what it was pinned against.
    std::erase_if(candidates, [&](int64_t version) { return version >= rollout_.pinned; });
    candidates.insert(candidates.begin(), rollout_.pinned);
    return candidates;
  }
  std::erase_if(candidates, [&](int64_t version) {
    return version != stable && (version == rollout_.canary || version == rollout_.shadow);
  });
  std::vector<int64_t> old_enough = candidates;
  std::erase_if(old_enough, [&](int64_t version) { return !MayBeStable(version) && IsTooYoung(version); });
  return old_enough.empty() ? candidates : old_enough;
}

// Loaded, and admitted.
bool ModelLife::MayBeStable(int64_t version) const {
  const auto loaded = loaded_.find(version);
  return loaded != loaded_.end() && (loaded->second.is_admitted || version == rollout_.pinned);
}

ModelLife::State ModelLife::StateOf(int64_t version) const {
  const auto file = FileIdentity::Of(SnapshotPath(parts_.model_root, name_, version));
  const bool must_try = file.has_value() && refusals_.MustTry(version, file, parts_.clock->Now());
  const auto loaded = loaded_.find(version);
  if (loaded == loaded_.end()) return must_try ? State::kToTry : State::kRefused;
  const bool is_another = file.has_value() && file != loaded->second.file;
  return is_another && must_try ? State::kToTry : State::kReady;
}

// The next version that must be loaded to have what should serve, but for those that this look has tried.
std::optional<int64_t> ModelLife::NextToTry(const std::set<int64_t>& tried) const {
  for (const int64_t version : StableCandidates()) {
    const bool is_tried = tried.contains(version);
    if (MayBeStable(version) && (is_tried || StateOf(version) == State::kReady)) break;
    // One that is loaded for another part has not been asked by the guards: it is tried anew, with them.
    const bool is_to_ask = loaded_.contains(version) && IsListed(version) && !MayBeStable(version);
    if (!is_tried && (is_to_ask || StateOf(version) == State::kToTry)) return version;
  }
  for (const int64_t version : {rollout_.canary, rollout_.shadow}) {
    if (version != 0 && !tried.contains(version) && StateOf(version) == State::kToTry) return version;
  }
  return std::nullopt;
}

void ModelLife::Try(int64_t version, bool ask_guards) {
  const auto file = FileIdentity::Of(SnapshotPath(parts_.model_root, name_, version));
  const Time start = parts_.clock->Now();
  auto served =
      LoadVersion(parts_.model_root, name_, version, *parts_.kernels, *parts_.calls, parts_.metrics);
  const double seconds = Seconds(parts_.clock->Now() - start);
  parts_.metrics->ObserveLoad(name_, seconds);
  std::optional<LoadFailure> failure;
  bool is_admitted = false;
  if (!served.ok()) {
    failure = {served.status(), ReasonOf(served.status())};
  } else {
    spdlog::info("model {} version {} loaded in {:.1f} ms, kernels {}", name_, version, seconds * 1e3,
                 parts_.kernels->name);
    if (ask_guards) failure = CheckBeforeItTakesOver(**served, &is_admitted);
  }
  const std::lock_guard lock(mutex_);
  if (failure.has_value()) {
    Refuse(version, file, *failure);
  } else {
    Keep(version, *std::move(served), file, is_admitted);
  }
}

// Without mutex_. The guards, if the version is about to take over by itself.
std::optional<LoadFailure> ModelLife::CheckBeforeItTakesOver(const ServedModel& next,
                                                             bool* is_admitted) const {
  std::shared_ptr<const ServedModel> now;
  {
    const std::lock_guard lock(mutex_);
    if (next.version == rollout_.canary || next.version == rollout_.shadow) return std::nullopt;
    *is_admitted = true;
    if (rollout_.pinned != 0) return std::nullopt;  // it, or what serves in its place
    now = published_.stable;
  }
  std::optional<LoadFailure> failure;
  if (now != nullptr && now->version != next.version && !now->model->damaged()) {
    failure = CheckGuards(parts_.guards, *now, next);
  }
  *is_admitted = !failure.has_value();
  return failure;
}

void ModelLife::Keep(int64_t version, std::shared_ptr<const ServedModel> model,
                     const std::optional<FileIdentity>& file, bool is_admitted) {
  const auto loaded = loaded_.find(version);
  if (loaded != loaded_.end() && loaded->second.file != file) {
    MarkIfWrittenOver(version, file);
    spdlog::warn(
        "model {} version {} is another snapshot than the one that served under this number. Publish under a "
        "new "
        "number: callers remember what they were told of a version",
        name_, version);
  }
  refusals_.Forget(version);
  loaded_[version] = {.model = std::move(model), .file = file, .is_admitted = is_admitted};
}

void ModelLife::Refuse(int64_t version, const std::optional<FileIdentity>& file, const LoadFailure& failure) {
  const auto retry = refusals_.Remember(version, file, failure, parts_.clock->Now());
  parts_.metrics->CountSwap(name_, retry.has_value() ? "failed" : "refused", failure.reason);
  const std::string message(failure.status.message());
  if (retry.has_value()) {
    spdlog::error("model {} version {} not loaded, next try in {} s: {}", name_, version, *retry, message);
  } else {
    spdlog::error("model {} version {} refused: {}", name_, version, message);
  }
  MarkIfWrittenOver(version, file);
}

// What is in memory under this number maps the same pages, and they are no longer what was verified.
void ModelLife::MarkIfWrittenOver(int64_t version, const std::optional<FileIdentity>& file) const {
  const auto loaded = loaded_.find(version);
  if (loaded == loaded_.end() || !file.has_value() || !loaded->second.file.has_value()) return;
  const FileIdentity& before = *loaded->second.file;
  if (file->IsSameFileAs(before) && *file != before) loaded->second.model->model->MarkDamaged();
}

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
  stable->traffic->SetWanted(shadow_ != nullptr || parts_.guards.max_mean_shift > 0);
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
    parts_.metrics->SetServingVersion(name_, 0);
  }
  PublishStatus();
  return served;
}

void ModelLife::BecomeStable(std::shared_ptr<const ServedModel> stable, const char* why) {
  std::erase(history_, stable->version);
  history_.insert(history_.begin(), stable->version);
  history_.resize(std::min(history_.size(), parts_.keep_versions + 1));
  if (const auto loaded = loaded_.find(stable->version); loaded != loaded_.end())
    loaded->second.is_admitted = true;
  if (published_.stable != nullptr && ScoreTheSameRequests(*published_.stable, *stable)) {
    stable->traffic->Adopt(*published_.stable->traffic);
  }
  stable_since_ = std::chrono::system_clock::now();
  parts_.metrics->SetServingVersion(name_, stable->version);
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
    if (kept++ < parts_.keep_versions) staying.insert(version);
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
        "published, "
        "but a server that starts now would not find it",
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
