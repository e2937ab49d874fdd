#include "server/config/check.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "cli/output.h"
#include "model/model_root.h"
#include "server/clock.h"
#include "server/metrics/server_metrics.h"
#include "server/request_log/warm_up.h"
#include "server/snapshots/loader.h"

namespace adscore::server {
namespace {

// Writes the lines and remembers whether all was well.
class Findings {
 public:
  explicit Findings(std::ostream* out) : out_(out) {}

  void Ok(const std::string& what) { *out_ << "ok: " << cli::OneLine(what) << '\n'; }
  void Failed(const std::string& what, const std::string& why) {
    *out_ << "FAILED: " << cli::OneLine(what + ": " + why) << '\n';
    all_well_ = false;
  }
  void Take(const std::string& what, const absl::Status& status) {
    if (status.ok()) {
      Ok(what);
    } else {
      Failed(what, std::string(status.message()));
    }
  }
  bool all_well() const { return all_well_; }

 private:
  std::ostream* const out_;
  bool all_well_ = true;
};

// What can't be read keeps no version from serving, and is said all the same.
void CheckWarmUp(const std::string& path, const ServedModel& served, Findings* findings) {
  const SteadyClock clock;
  const WarmUpResult result = WarmUp(path, served, {}, clock);
  findings->Ok(absl::StrCat(
      "model ", served.name, " version ", served.version, ": warmed up with ", result.requests,
      " requests of ", path,
      result.status.ok() ? "" : absl::StrCat(", not all that is there: ", result.status.message())));
}

void CheckModels(const ServerOptions& options, Findings* findings) {
  const std::string& root = options.model_root;
  const auto names = model::ListModels(root);
  findings->Take(absl::StrCat("model root ", root), names.status());
  if (!names.ok()) return;
  if (names->empty()) findings->Ok("no model yet: the server is not ready until the first version arrives");
  const auto kernels = model::FindKernelSet(options.isa, options.precision);
  if (!kernels.ok()) return findings->Failed("--isa", std::string(kernels.status().message()));
  ServerMetrics metrics(1, [] { return LiveState(); });
  for (const std::string& name : *names) {
    const auto versions = model::ListVersions(root, name);
    if (!versions.ok()) {
      findings->Failed(absl::StrCat("model ", name), std::string(versions.status().message()));
    } else if (versions->empty()) {
      findings->Failed(absl::StrCat("model ", name), "it has no complete version");
    } else {
      const auto served =
          LoadVersion(root, name, versions->front(), **kernels, model::SystemCalls(), &metrics);
      findings->Take(absl::StrCat("model ", name, " version ", versions->front(), ": checksums, golden rows"),
                     served.status());
      if (served.ok() && !options.warmup_log.empty()) CheckWarmUp(options.warmup_log, **served, findings);
    }
  }
}

// Whether the directory can be written to, found out without leaving anything in it.
void CheckRequestLog(const std::string& directory, Findings* findings) {
  const std::string what = absl::StrCat("request log ", directory);
  std::filesystem::path existing = directory;
  std::error_code error;
  while (!existing.empty() && !std::filesystem::exists(existing, error) &&
         existing != existing.parent_path()) {
    existing = existing.parent_path();
  }
  if (existing.empty()) existing = ".";
  if (!std::filesystem::is_directory(existing, error)) {
    findings->Failed(what, absl::StrCat(existing.string(), " is no directory"));
  } else if (access(existing.c_str(), W_OK | X_OK) != 0) {
    findings->Failed(what, absl::StrCat("can't write to ", existing.string(), ": ", std::strerror(errno)));
  } else {
    findings->Ok(what);
  }
}

}  // namespace

bool Check(const Settings& settings, std::ostream& out) {
  Findings findings(&out);
  findings.Ok("settings");
  if (settings.server.tls.on()) findings.Take("certificates", CheckTlsFiles(settings.server.tls));
  if (const std::string& directory = settings.server.request_log.directory; !directory.empty()) {
    CheckRequestLog(directory, &findings);
  }
  std::error_code ignored;
  if (std::filesystem::is_directory(settings.server.model_root, ignored)) {
    CheckModels(settings.server, &findings);
  } else {
    findings.Failed(absl::StrCat("model root ", settings.server.model_root), "is no directory");
  }
  return findings.all_well();
}

}  // namespace adscore::server
