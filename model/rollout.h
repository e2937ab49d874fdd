// What operators have decided about a model: which version is pinned, which one gets a share of the traffic,
// which one is only compared. Lies beside the versions, in ROOT/NAME/rollout.json, so that it survives a
// restart, holds for every server on that model root, and keeps the trainer from removing what is named
// there.
//
// Thread-safe: plain values and functions over the file system. The file appears by one rename.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace adscore::model {

inline constexpr std::string_view kRolloutFile = "rollout.json";

// Versions are positive; 0 stands for none.
struct Rollout {
  int64_t pinned = 0;       // serves as the stable version; 0: the highest one that holds
  int64_t canary = 0;       // answers a share of the keys
  double canary_share = 0;  // of the keys, in (0, 1]; 0 without a canary
  int64_t shadow = 0;       // scores a sample of the traffic, answers nothing

  bool operator==(const Rollout&) const = default;

  // Every version that is named.
  std::set<int64_t> Versions() const;
};

// One line.
std::string RolloutToJson(const Rollout& rollout);

// InvalidArgument naming the key: not JSON, an unknown key, a version that is not positive, a share outside
// of (0, 1].
absl::StatusOr<Rollout> RolloutFromJson(std::string_view text);

std::string RolloutPath(std::string_view root, std::string_view name);

// Nothing decided if there is no file. InvalidArgument naming the file if it does not hold a rollout.
absl::StatusOr<Rollout> ReadRollout(const std::string& root, std::string_view name);

// Durable when it returns. PermissionDenied if the model root can't be written to.
absl::Status WriteRollout(const std::string& root, std::string_view name, const Rollout& rollout);

}  // namespace adscore::model
