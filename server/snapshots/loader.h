// Makes a model ready to serve out of a version's directory, or says why it must not serve.
//
// Thread-safe: a function over the file system.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "model/kernels/kernel_set.h"
#include "model/system_calls.h"
#include "server/metrics/server_metrics.h"
#include "server/registry.h"

namespace adscore::server {

// The largest difference that the golden rows may show between kernels of this precision and the trainer's
// own probabilities.
float GoldenTolerance(model::Precision precision);

// Where a version's snapshot lies.
std::string SnapshotPath(const std::string& model_root, const std::string& name, int64_t version);

// Maps and verifies the snapshot, packs its weights for `kernels`, replays the golden rows. Afterwards all of
// it is in memory: verifying has read every byte of the file, and the replay has run every layer.
// The errors of MappedSnapshot::Open; FailedPrecondition if the golden rows disagree.
absl::StatusOr<std::shared_ptr<const ServedModel>> LoadVersion(const std::string& model_root,
                                                               const std::string& name, int64_t version,
                                                               const model::KernelSet& kernels,
                                                               const model::SystemCalls& calls,
                                                               ServerMetrics* metrics);

}  // namespace adscore::server
