// The versions of one model that would not serve: why, and when to try again.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/clock.h"
#include "server/registry.h"
#include "server/snapshots/file_identity.h"

namespace adscore::server {

// Why a version does not serve.
struct LoadFailure {
  absl::Status status;     // the message: what is wrong and what to do
  const char* reason;      // as the metric's label `reason`
  bool is_judged = false;  // by a guard: it holds, and would serve if the guards were others
};

// The reason for an error of LoadVersion.
const char* ReasonOf(const absl::Status& status);

class Refusals {
 public:
  // That `failure` came of trying `file` now. Returns after how many seconds it is worth another try; nothing
  // if it is refused for good, that is for as long as this very file lies there.
  std::optional<int64_t> Remember(int64_t version, const std::optional<FileIdentity>& file,
                                  const LoadFailure& failure, Time now);

  // Whether `version`, with this file, should be tried: it has never failed, or it lies there anew, or the
  // reason may have passed (not readable, no memory): 1, 2, 4, … up to 60 seconds after the last try.
  bool MustTry(int64_t version, const std::optional<FileIdentity>& file, Time now) const;

  void Forget(int64_t version) { failures_.erase(version); }
  // Those that guards refused.
  void ForgetJudged();
  // All but these.
  void ForgetAllBut(const std::vector<int64_t>& versions);

  // Nothing if `version` was not refused.
  const RefusedVersion* Find(int64_t version) const;
  std::vector<RefusedVersion> List() const;  // newest first

 private:
  struct Failure {
    RefusedVersion refused;
    std::optional<FileIdentity> file;
    bool is_judged = false;
    int attempts = 0;
    Time retry_at = kNever;
  };
  std::map<int64_t, Failure, std::greater<>> failures_;
};

}  // namespace adscore::server
