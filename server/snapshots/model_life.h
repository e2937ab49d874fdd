// One model under the model root, from its first version to its last: which of them is loaded, proves itself,
// serves, is kept, is refused. Looks at the model's directory when told to, and carries out what operators
// decide.
//
// Thread-safe. Look() loads for as long as it takes and must not be called on a serving loop; operators wait
// for a load only if what they decide on is not in memory. Lock order: load_mutex_, then mutex_.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/kernels/kernel_set.h"
#include "model/rollout.h"
#include "model/system_calls.h"
#include "server/clock.h"
#include "server/metrics/server_metrics.h"
#include "server/registry.h"
#include "server/snapshots/file_identity.h"
#include "server/snapshots/guards.h"
#include "server/snapshots/refusals.h"
#include "server/snapshots/shadow_comparison.h"

namespace adscore::server {

// What an operator may change while lives go on.
struct LifePolicy {
  // Versions that have served and stay in memory, so that going back to them takes no time.
  size_t keep_versions = 1;
  Guards guards{};

  bool operator==(const LifePolicy&) const = default;
};

// What all lives share. The pointers outlive them.
struct LifeParts {
  std::string model_root;
  const model::KernelSet* kernels = nullptr;
  Registry* registry = nullptr;
  ServerMetrics* metrics = nullptr;
  const Clock* clock = nullptr;
  LifePolicy policy{};  // to begin with
  // What a version goes through once it is loaded and before it serves, on the thread that loads; none:
  // nothing.
  std::function<void(const ServedModel&)> warm_up{};
  const model::SystemCalls* calls = &model::SystemCalls::Default();  // that loading depends on
};

class ModelLife {
 public:
  ModelLife(std::string name, const LifeParts& parts);
  ModelLife(const ModelLife&) = delete;
  ModelLife& operator=(const ModelLife&) = delete;

  // One look: loads what should serve and is not in memory, publishes what holds, remembers what does not,
  // compares the shadow on the traffic since the last look, and frees what no batch uses any more. True if
  // other versions serve than before.
  //
  // As long as no version is pinned, the highest one that holds serves. What serves goes on serving whatever
  // becomes of its directory. A version that fails is not tried again while the same file lies there, unless
  // the reason may pass (not readable, no memory): then ever more rarely.
  bool Look();

  // For operators; see ModelService for what each does and its errors.
  absl::Status Pin(int64_t version);
  absl::Status Unpin();
  absl::Status RollBack();
  absl::Status SetCanary(int64_t version, double share);
  absl::Status SetShadow(int64_t version);

  // From the next look on. A version that a guard refused is judged anew if the guards are others than
  // before.
  void SetPolicy(const LifePolicy& policy);

  const std::string& name() const { return name_; }

 private:
  // In memory.
  struct Loaded {
    std::shared_ptr<const ServedModel> model;
    // Looked up before the file was opened: if another one took its place in between, the next look sees a
    // difference and loads once more, rather than never.
    std::optional<FileIdentity> file;
    // May become the stable version: the guards let it, or an operator pinned it. A canary or a shadow is not
    // asked.
    bool is_admitted = false;
    bool is_gone = false;  // the file, and that was logged
  };
  // What becomes of a version.
  enum class State { kReady, kToTry, kRefused };
  using Decide = std::function<absl::StatusOr<model::Rollout>()>;

  absl::Status Change(const Decide& decide);
  absl::Status LoadForOperator(int64_t version);
  // The rest is called with mutex_ held, unless it says otherwise.
  absl::Status Commit(const model::Rollout& rollout);
  absl::StatusOr<model::Rollout> DecideRollBack() const;
  absl::StatusOr<model::Rollout> WithPinnedStable() const;
  std::optional<int64_t> FirstToLoad(const model::Rollout& next) const;
  absl::Status FitBeside(const char* role, int64_t version, int64_t before, const ServedModel& stable,
                         int64_t* kept) const;

  void ReadRolloutFile();
  void ListVersions();
  bool IsListed(int64_t version) const;
  void DropDamaged();
  std::vector<int64_t> StableCandidates() const;
  bool IsTooYoung(int64_t version) const;
  bool MayBeStable(int64_t version) const;
  State StateOf(int64_t version) const;
  std::optional<int64_t> NextToTry(const std::set<int64_t>& tried) const;
  // Without mutex_, with load_mutex_.
  void Try(int64_t version, bool ask_guards);
  std::optional<LoadFailure> CheckBeforeItTakesOver(const ServedModel& next, bool* is_admitted) const;
  void Keep(int64_t version, std::shared_ptr<const ServedModel> model,
            const std::optional<FileIdentity>& file, bool is_admitted);
  void MarkIfWrittenOver(int64_t version, const std::optional<FileIdentity>& file) const;
  void Refuse(int64_t version, const std::optional<FileIdentity>& file, const LoadFailure& failure);

  bool Arrange(const char* why);
  std::shared_ptr<const ServedModel> ChooseStable() const;
  bool Withdraw();
  std::shared_ptr<const ServedModel> Beside(int64_t version, const char* role);
  void BecomeStable(std::shared_ptr<const ServedModel> stable, const char* why);
  void UnloadWhatHasNoPart();
  void WarnIfGone();
  void PublishStatus();
  void CompareShadow();  // without mutex_, with load_mutex_
  void FreeRetired();    // without mutex_

  const std::string name_;
  const LifeParts parts_;

  std::mutex load_mutex_;        // one load at a time
  ShadowComparison comparison_;  // guarded by load_mutex_

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  LifePolicy policy_;
  model::Rollout rollout_;
  std::optional<FileIdentity> rollout_file_;  // that rollout_ was read from
  bool must_read_rollout_ = true;             // whatever file it is
  bool has_read_rollout_ = false;             // at least once
  bool has_directory_ = false;                // under the model root
  bool is_known_ = false;                     // to the registry
  std::vector<int64_t> listed_;               // complete versions under the model root, highest first
  std::map<int64_t, Loaded> loaded_;
  std::vector<int64_t> history_;  // the last versions that have been stable, the present one first, each once
  Refusals refusals_;
  ModelVersions published_;
  std::chrono::system_clock::time_point stable_since_;
  std::shared_ptr<const ServedModel> shadow_;
  std::vector<ShadowDifference> shadow_differences_;
  std::string rollout_error_;
  std::string problem_;  // see ModelStatus
  std::vector<std::shared_ptr<const ServedModels>> retired_;
};

}  // namespace adscore::server
