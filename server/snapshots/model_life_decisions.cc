// ModelLife, the part that carries out what operators decide.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/snapshots/low_priority.h"
#include "server/snapshots/model_life.h"
#include "spdlog/spdlog.h"

namespace adscore::server {
namespace {

model::Rollout WithStable(model::Rollout rollout, int64_t version) {
  rollout.pinned = version;
  if (rollout.canary == version) {
    rollout.canary = 0;
    rollout.canary_share = 0;
  }
  if (rollout.shadow == version) rollout.shadow = 0;
  return rollout;
}

}  // namespace

absl::Status ModelLife::Pin(int64_t version) {
  if (version <= 0) return absl::InvalidArgumentError(absl::StrCat("version: ", version, " is not positive"));
  return Change(
      [this, version]() -> absl::StatusOr<model::Rollout> { return WithStable(rollout_, version); });
}

absl::Status ModelLife::Unpin() {
  absl::Status status = Change([]() -> absl::StatusOr<model::Rollout> { return model::Rollout(); });
  if (status.ok()) RunAtLowPriority([&] { Look(); });  // for the newest one
  return status;
}

absl::Status ModelLife::RollBack() {
  return Change([this] { return DecideRollBack(); });
}

absl::Status ModelLife::SetCanary(int64_t version, double share) {
  if (version < 0) return absl::InvalidArgumentError(absl::StrCat("version: ", version, " is negative"));
  if (version != 0 && !(share > 0 && share <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("share: ", share, " is no share of the keys in (0, 1]"));
  }
  return Change([this, version, share]() -> absl::StatusOr<model::Rollout> {
    absl::StatusOr<model::Rollout> next = version == 0 ? rollout_ : WithPinnedStable();
    if (!next.ok()) return next;
    next->canary = version;
    next->canary_share = version == 0 ? 0 : share;
    return next;
  });
}

absl::Status ModelLife::SetShadow(int64_t version) {
  if (version < 0) return absl::InvalidArgumentError(absl::StrCat("version: ", version, " is negative"));
  return Change([this, version]() -> absl::StatusOr<model::Rollout> {
    absl::StatusOr<model::Rollout> next = version == 0 ? rollout_ : WithPinnedStable();
    if (next.ok()) next->shadow = version;
    return next;
  });
}

// To the last lower version that was stable. A server that has just started knows of none and takes the next
// lower one that lies there.
absl::StatusOr<model::Rollout> ModelLife::DecideRollBack() const {
  if (published_.stable == nullptr) {
    return absl::FailedPreconditionError("no version serves, so there is none to go back from");
  }
  // Only lower ones: going back twice must not return to what was left behind.
  std::vector<int64_t> earlier = history_;
  earlier.insert(earlier.end(), listed_.begin(), listed_.end());
  std::erase_if(earlier, [&](int64_t version) { return version >= published_.stable->version; });
  const auto target = std::find_if(earlier.begin(), earlier.end(), [&](int64_t version) {
    return loaded_.contains(version) || (IsListed(version) && StateOf(version) == State::kToTry);
  });
  if (target == earlier.end()) {
    return absl::NotFoundError(absl::StrCat("there is no version to go back to from version ",
                                            published_.stable->version,
                                            ", neither in memory nor under the model root"));
  }
  return WithStable(rollout_, *target);
}

absl::StatusOr<model::Rollout> ModelLife::WithPinnedStable() const {
  if (published_.stable == nullptr) {
    return absl::FailedPreconditionError("no version serves, so there is none to stand beside");
  }
  return WithStable(rollout_, published_.stable->version);
}

// `decide` is called with mutex_ held, and again if something had to be loaded meanwhile.
absl::Status ModelLife::Change(const Decide& decide) {
  {
    const std::lock_guard lock(mutex_);
    ReadRolloutFile();  // another server on this model root may have decided
    const absl::StatusOr<model::Rollout> next = decide();
    if (!next.ok()) return next.status();
    if (!FirstToLoad(*next).has_value()) return Commit(*next);
  }
  const std::lock_guard load_lock(load_mutex_);
  for (;;) {
    int64_t missing = 0;
    {
      const std::lock_guard lock(mutex_);
      const absl::StatusOr<model::Rollout> next = decide();
      if (!next.ok()) return next.status();
      missing = FirstToLoad(*next).value_or(0);
      if (missing == 0) return Commit(*next);
    }
    if (absl::Status status = LoadForOperator(missing); !status.ok()) return status;
  }
}

// Only what is decided anew must be in memory: a canary that can't be had any more must not stand in a
// rollback's way.
std::optional<int64_t> ModelLife::FirstToLoad(const model::Rollout& next) const {
  for (const auto& [version, before] : {std::pair{next.pinned, rollout_.pinned},
                                        {next.canary, rollout_.canary},
                                        {next.shadow, rollout_.shadow}}) {
    if (version == 0 || version == before) continue;
    const auto loaded = loaded_.find(version);
    if (loaded == loaded_.end() || loaded->second.model->model->damaged()) return version;
  }
  return std::nullopt;
}

// Without mutex_, with load_mutex_. What was refused is tried again: an operator may know better.
absl::Status ModelLife::LoadForOperator(int64_t version) {
  {
    const std::lock_guard lock(mutex_);
    ListVersions();
    DropDamaged();
    if (!IsListed(version)) {
      return absl::NotFoundError(absl::StrCat("no version ", version, " of ", name_,
                                              ", neither in memory nor under the model root, which has ",
                                              listed_.empty() ? "none" : absl::StrJoin(listed_, ", ")));
    }
  }
  RunAtLowPriority([&] { Try(version, /*ask_guards=*/false); });
  const std::lock_guard lock(mutex_);
  if (loaded_.contains(version)) return absl::OkStatus();
  PublishStatus();
  const RefusedVersion* refused = refusals_.Find(version);
  return absl::FailedPreconditionError(
      absl::StrCat("version ", version, " can't serve: ", refused == nullptr ? "refused" : refused->reason));
}

// Sets `*kept` to the version that is to stand beside `stable`: none if it was decided before and no longer
// can. If it is decided now, that is an error.
absl::Status ModelLife::FitBeside(const char* role, int64_t version, int64_t before,
                                  const ServedModel& stable, int64_t* kept) const {
  *kept = version;
  if (version == 0) return absl::OkStatus();
  const auto loaded = loaded_.find(version);
  absl::Status status;
  if (version == stable.version) {
    status = absl::InvalidArgumentError(
        absl::StrCat("version ", version, " is the stable one; as a ", role, " it must be another"));
  } else if (loaded == loaded_.end() || !ScoreTheSameRequests(stable, *loaded->second.model)) {
    status = absl::FailedPreconditionError(
        absl::StrCat("version ", version, " has another schema or other heads than version ", stable.version,
                     ", so requests that suit one do not suit the other: it can't be a ", role));
  }
  if (status.ok() || version != before) return status;
  spdlog::warn("model {}: version {} is no {} any more: it is not loaded, or does not suit version {}", name_,
               version, role, stable.version);
  *kept = 0;
  return absl::OkStatus();
}

absl::Status ModelLife::Commit(const model::Rollout& decided) {
  model::Rollout rollout = decided;
  const auto pinned = loaded_.find(decided.pinned);
  const std::shared_ptr<const ServedModel> stable =
      pinned != loaded_.end() ? pinned->second.model : published_.stable;
  if (stable != nullptr) {
    absl::Status status = FitBeside("canary", decided.canary, rollout_.canary, *stable, &rollout.canary);
    status.Update(FitBeside("shadow", decided.shadow, rollout_.shadow, *stable, &rollout.shadow));
    if (!status.ok()) return status;
    if (rollout.canary == 0) rollout.canary_share = 0;
  }
  if (absl::Status status = model::WriteRollout(parts_.model_root, name_, rollout); !status.ok()) {
    return absl::Status(
        status.code(),
        absl::StrCat("nothing was changed, since it would not survive a restart: ", status.message()));
  }
  rollout_ = rollout;
  must_read_rollout_ = true;  // another server may have written since
  rollout_error_.clear();
  Arrange("an operator decided");
  return absl::OkStatus();
}

}  // namespace adscore::server
