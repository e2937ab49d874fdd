#include "server/snapshots/model_life.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/model_root.h"
#include "server/snapshots/loader.h"
#include "spdlog/spdlog.h"

namespace adscore::server {

ModelLife::ModelLife(std::string name, const LifeParts& parts)
    : name_(std::move(name)), parts_(parts), policy_(parts.policy) {}

void ModelLife::SetPolicy(const LifePolicy& policy) {
  const std::lock_guard lock(mutex_);
  if (!(policy.guards == policy_.guards)) refusals_.ForgetJudged();
  policy_ = policy;
}

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
    changed = Arrange(rollout_.pinned == 0 ? "the newest that holds" : "as rollout.json says") ||
              was_known != is_known_;
    WarnIfGone();
  }
  CompareShadow();
  FreeRetired();
  return changed;
}

void ModelLife::ReadRolloutFile() {
  const auto file = FileIdentity::Of(model::RolloutPath(parts_.model_root, name_));
  if (!must_read_rollout_ && file == rollout_file_) return;
  // A model whose directory is gone has decided nothing anew.
  if (!file.has_value() && !model::ListVersions(parts_.model_root, name_).ok()) return;
  const absl::StatusOr<model::Rollout> rollout = model::ReadRollout(parts_.model_root, name_);
  if (!rollout.ok()) {
    must_read_rollout_ = true;
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
  must_read_rollout_ = false;
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
  parts_.metrics->SetNewestVersion(name_, listed_.empty() ? 0 : listed_.front());
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
    const auto file = FileIdentity::Of(path);
    if (file == loaded.file) {
      const std::string what = path + ": a part of it can't be read any more: the disk or the mount fails";
      Refuse(version, file, {absl::UnavailableError(what), "io"});
    } else {
      const std::string what = path +
                               " was truncated or changed while it was in use; publish it again, and never "
                               "write to a published file";
      // What lies there now is refused if it is this very file; one that has taken its place is tried.
      const bool is_same = file.has_value() && loaded.file.has_value() && file->IsSameFileAs(*loaded.file);
      Refuse(version, is_same ? file : loaded.file, {absl::DataLossError(what), "damaged"});
    }
    it = loaded_.erase(it);
  }
}

bool ModelLife::IsListed(int64_t version) const {
  return std::find(listed_.begin(), listed_.end(), version) != listed_.end();
}

bool ModelLife::IsTooYoung(int64_t version) const {
  if (policy_.guards.min_age.count() == 0) return false;
  const auto file = FileIdentity::Of(SnapshotPath(parts_.model_root, name_, version));
  if (!file.has_value()) return false;
  const std::chrono::nanoseconds age =
      std::chrono::system_clock::now().time_since_epoch() - std::chrono::nanoseconds(file->modified_at);
  return age < policy_.guards.min_age;
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
    if (!failure.has_value() && parts_.warm_up) parts_.warm_up(**served);
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
  Guards guards;
  {
    const std::lock_guard lock(mutex_);
    guards = policy_.guards;
    // It, or what serves in its place; a canary beside it is neither.
    *is_admitted = next.version <= rollout_.pinned;
    const bool stands_beside = next.version == rollout_.canary || next.version == rollout_.shadow;
    if (rollout_.pinned != 0 || stands_beside) return std::nullopt;
    now = published_.stable;
  }
  std::optional<LoadFailure> failure;
  if (now != nullptr && now->version != next.version && !now->model->damaged()) {
    failure = CheckGuards(guards, *now, next);
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
        "model {} version {} is another snapshot than the one that served under this number. Publish under "
        "a new number: callers remember what they were told of a version",
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

}  // namespace adscore::server
