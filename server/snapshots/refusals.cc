#include "server/snapshots/refusals.h"

#include <algorithm>
#include <chrono>

namespace adscore::server {
namespace {

constexpr std::chrono::seconds kFirstRetry{1};
constexpr std::chrono::seconds kLastRetry{60};

// Reasons that may pass without anyone publishing a new version.
bool MayPass(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsPermissionDenied(status) || absl::IsResourceExhausted(status) ||
         absl::IsUnavailable(status);
}

}  // namespace

const char* ReasonOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kDataLoss:
      return "damaged";
    case absl::StatusCode::kInvalidArgument:
      return "invalid";
    case absl::StatusCode::kUnimplemented:
      return "format";
    case absl::StatusCode::kFailedPrecondition:
      return "golden_rows";
    case absl::StatusCode::kNotFound:
      return "not_found";
    case absl::StatusCode::kPermissionDenied:
      return "permission";
    case absl::StatusCode::kResourceExhausted:
      return "memory";
    default:
      return "io";
  }
}

std::optional<int64_t> Refusals::Remember(int64_t version, const std::optional<FileIdentity>& file,
                                          const LoadFailure& failure, Time now) {
  Failure& entry = failures_[version];
  if (entry.file != file) entry = {};
  entry.file = file;
  entry.is_judged = failure.is_judged;
  entry.refused = {version, std::string(failure.status.message()), std::chrono::system_clock::now()};
  ++entry.attempts;
  if (!MayPass(failure.status)) {
    entry.retry_at = kNever;
    return std::nullopt;
  }
  const auto delay = std::min(kLastRetry, kFirstRetry * (1 << std::min(entry.attempts - 1, 6)));
  entry.retry_at = now + delay;
  return delay.count();
}

bool Refusals::MustTry(int64_t version, const std::optional<FileIdentity>& file, Time now) const {
  const auto failure = failures_.find(version);
  return failure == failures_.end() || failure->second.file != file || now >= failure->second.retry_at;
}

void Refusals::ForgetJudged() {
  std::erase_if(failures_, [](const auto& entry) { return entry.second.is_judged; });
}

void Refusals::ForgetAllBut(const std::vector<int64_t>& versions) {
  std::erase_if(failures_, [&](const auto& entry) {
    return std::find(versions.begin(), versions.end(), entry.first) == versions.end();
  });
}

const RefusedVersion* Refusals::Find(int64_t version) const {
  const auto failure = failures_.find(version);
  return failure == failures_.end() ? nullptr : &failure->second.refused;
}

std::vector<RefusedVersion> Refusals::List() const {
  std::vector<RefusedVersion> refused;
  for (const auto& [version, failure] : failures_) refused.push_back(failure.refused);
  return refused;
}

}  // namespace adscore::server
