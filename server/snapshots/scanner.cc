#include "server/snapshots/scanner.h"

#include <algorithm>
#include <utility>

#include "model/model_root.h"
#include "server/snapshots/loader.h"
#include "spdlog/spdlog.h"

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

Scanner::Scanner(std::string model_root, const model::KernelSet* kernels, Registry* registry,
                 ServerMetrics* metrics, const Clock* clock, std::function<void()> on_change)
    : model_root_(std::move(model_root)),
      kernels_(kernels),
      registry_(registry),
      metrics_(metrics),
      clock_(clock),
      on_change_(std::move(on_change)) {}

void Scanner::Scan() {
  FreeRetired();
  const auto names = model::ListModels(model_root_);
  if (!names.ok()) {
    if (root_error_ != names.status().message()) {
      root_error_ = std::string(names.status().message());
      spdlog::error("--model-root {}: {}; what serves goes on serving", model_root_, root_error_);
    }
    return;
  }
  root_error_.clear();
  bool changed = *names != names_;
  names_ = *names;
  std::erase_if(failures_, [&](const auto& entry) {
    return std::find(names_.begin(), names_.end(), entry.first) == names_.end();
  });
  for (const std::string& name : names_) changed |= ScanModel(name);
  for (auto& [name, serving] : serving_) WarnIfGone(name, &serving);
  ReportRefused();
  if (changed) on_change_();
}

// True if a version was published.
bool Scanner::ScanModel(const std::string& name) {
  Failures& failures = failures_[name];
  const auto versions = model::ListVersions(model_root_, name);
  if (!versions.ok()) return false;  // the directory went away between two looks
  std::erase_if(failures, [&](const auto& entry) {
    return std::find(versions->begin(), versions->end(), entry.first) == versions->end();
  });
  const auto serving = serving_.find(name);
  const int64_t serving_version = serving == serving_.end() ? 0 : serving->second.version;
  for (const int64_t version : *versions) {
    if (version < serving_version) return false;
    const auto file = FileIdentity::Of(SnapshotPath(model_root_, name, version));
    if (version == serving_version && file == serving->second.file) return false;
    if (MustTry(name, version, file) && TryVersion(name, version, file)) return true;
  }
  return false;
}

bool Scanner::MustTry(const std::string& name, int64_t version, const std::optional<FileIdentity>& file) {
  const Failures& failures = failures_[name];
  const auto failure = failures.find(version);
  return failure == failures.end() || failure->second.file != file ||
         clock_->Now() >= failure->second.retry_at;
}

bool Scanner::TryVersion(const std::string& name, int64_t version, const std::optional<FileIdentity>& file) {
  const auto serving = serving_.find(name);
  if (serving != serving_.end() && serving->second.version == version) {
    spdlog::warn(
        "model {} version {} is another snapshot than the one that serves under this number; loading it. "
        "Publish under a new number: callers remember what they were told of a version",
        name, version);
  }
  const Time start = clock_->Now();
  auto served = LoadVersion(model_root_, name, version, *kernels_, metrics_);
  const double seconds = Seconds(clock_->Now() - start);
  metrics_->ObserveLoad(name, seconds);
  metrics_->CountSwap(name, absl::StatusCodeToString(served.status().code()));
  if (!served.ok()) {
    Remember(name, version, file, served.status());
    return false;
  }
  failures_[name].erase(version);
  retired_.push_back(registry_->Publish(*std::move(served)));
  serving_[name] = {.version = version, .file = file};
  metrics_->SetServingVersion(name, version);
  spdlog::info("model {} version {} serves (loaded in {:.1f} ms, kernels {})", name, version, seconds * 1e3,
               kernels_->name);
  return true;
}

void Scanner::Remember(const std::string& name, int64_t version, const std::optional<FileIdentity>& file,
                       const absl::Status& status) {
  Failure& failure = failures_[name][version];
  if (failure.file != file) failure = {};
  failure.file = file;
  failure.refused = {version, std::string(status.message()), std::chrono::system_clock::now()};
  ++failure.attempts;
  if (!MayPass(status)) {
    failure.retry_at = kNever;
    spdlog::error("model {} version {} refused: {}", name, version, failure.refused.reason);
    return;
  }
  const auto delay = std::min(kLastRetry, kFirstRetry * (1 << std::min(failure.attempts - 1, 6)));
  failure.retry_at = clock_->Now() + delay;
  spdlog::error("model {} version {} not loaded, next try in {} s: {}", name, version, delay.count(),
                failure.refused.reason);
}

void Scanner::WarnIfGone(const std::string& name, Serving* serving) const {
  const bool is_gone = !FileIdentity::Of(SnapshotPath(model_root_, name, serving->version)).has_value();
  if (is_gone && !serving->is_gone) {
    spdlog::warn(
        "model {} version {} is no longer in the model root; it goes on serving until another one is "
        "published, but a server that starts now would not find it",
        name, serving->version);
  }
  serving->is_gone = is_gone;
}

void Scanner::ReportRefused() {
  std::map<std::string, std::vector<RefusedVersion>> refused;
  for (const auto& [name, failures] : failures_) {
    auto& versions = refused[name];
    for (const auto& [version, failure] : failures) versions.push_back(failure.refused);
  }
  registry_->SetRefused(std::move(refused));
}

// Nobody can pin a retired map again, so a count of one stays one: this thread frees it, not a serving loop.
void Scanner::FreeRetired() {
  std::erase_if(retired_, [](const auto& models) { return models.use_count() == 1; });
}

}  // namespace adscore::server
