#include "server/snapshots/loader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "model/model.h"
#include "model/model_root.h"
#include "model/snapshot.h"

namespace adscore::server {

float GoldenTolerance(model::Precision precision) {
  switch (precision) {
    case model::Precision::kF32:
      return 1e-5F;
    case model::Precision::kBf16:
      return 5e-3F;
    case model::Precision::kInt8:
      return 2e-2F;
  }
  return 0;
}

std::string SnapshotPath(const std::string& model_root, const std::string& name, int64_t version) {
  return absl::StrCat(model::VersionDirectory(model_root, name, version), "/",
                      std::string(model::kSnapshotFile));
}

absl::StatusOr<std::shared_ptr<const ServedModel>> LoadVersion(const std::string& model_root,
                                                               const std::string& name, int64_t version,
                                                               const model::KernelSet& kernels,
                                                               const model::SystemCalls& calls,
                                                               ServerMetrics* metrics) {
  const std::string path = SnapshotPath(model_root, name, version);
  auto mapped = model::MappedSnapshot::Open(path, calls);
  if (!mapped.ok()) return mapped.status();

  const size_t file_bytes = (*mapped)->file_bytes();
  auto served = std::make_shared<ServedModel>();
  served->name = name;
  served->version = version;
  served->model = std::make_unique<const model::Model>(*std::move(mapped), kernels);
  const float error = served->model->GoldenError();
  if (served->model->damaged()) {
    return absl::UnavailableError(absl::StrCat(path, ": a part of the file can't be read any more"));
  }
  const float tolerance = GoldenTolerance(kernels.precision);
  if (!(error <= tolerance)) {  // not >: NaN must not pass
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": the golden rows differ by ", error, " from what the trainer computed, more than ", tolerance,
        ", with the kernels '", kernels.name, "' and ", model::ToString(kernels.precision),
        " weights; publish a new version, or try another --isa or --precision"));
  }
  ResolveMetrics(metrics, file_bytes, served.get());
  served->traffic = std::make_unique<TrafficSample>();
  return served;
}

}  // namespace adscore::server
