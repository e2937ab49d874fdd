// One look at the model root at a time: finds newer versions, loads them, publishes those that hold,
// remembers those that don't, and frees what no batch uses any more.
//
// Not thread-safe: one thread owns it (the watcher's). The registry and the metrics are shared.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/kernels/kernel_set.h"
#include "server/clock.h"
#include "server/metrics/server_metrics.h"
#include "server/registry.h"
#include "server/snapshots/file_identity.h"

namespace adscore::server {

class Scanner {
 public:
  // `on_change` is called after a scan that published something, or that found other models than the one
  // before. All of these must outlive the scanner.
  Scanner(std::string model_root, const model::KernelSet* kernels, Registry* registry, ServerMetrics* metrics,
          const Clock* clock, std::function<void()> on_change);

  // For each model: serves the highest version that holds, if it is higher than the one that serves, or if
  // it has that one's number and is another file. What serves goes on serving whatever becomes of its
  // directory. A version that fails is not tried again while the same file lies there, unless the reason may
  // pass (not readable, no memory): then ever more rarely.
  void Scan();

 private:
  // What was loaded. Looked up before the file is opened: if another one takes its place in between, the next
  // scan sees a difference and loads once more, rather than never.
  struct Serving {
    int64_t version = 0;
    std::optional<FileIdentity> file;
    bool is_gone = false;  // and that was logged
  };
  // A version that was refused.
  struct Failure {
    RefusedVersion refused;
    std::optional<FileIdentity> file;
    int attempts = 0;
    Time retry_at = kNever;
  };
  using Failures = std::map<int64_t, Failure, std::greater<>>;  // newest first

  bool ScanModel(const std::string& name);
  bool MustTry(const std::string& name, int64_t version, const std::optional<FileIdentity>& file);
  bool TryVersion(const std::string& name, int64_t version, const std::optional<FileIdentity>& file);
  void Remember(const std::string& name, int64_t version, const std::optional<FileIdentity>& file,
                const absl::Status& status);
  void WarnIfGone(const std::string& name, Serving* serving) const;
  void ReportRefused();
  void FreeRetired();

  const std::string model_root_;
  const model::KernelSet* const kernels_;
  Registry* const registry_;
  ServerMetrics* const metrics_;
  const Clock* const clock_;
  const std::function<void()> on_change_;

  std::string root_error_;                    // of the last scan: each is logged once
  std::vector<std::string> names_;            // every model of the last scan
  std::map<std::string, Failures> failures_;  // of these
  std::map<std::string, Serving> serving_;    // of every model that serves
  std::vector<std::shared_ptr<const ServedModels>> retired_;
};

}  // namespace adscore::server
