#include "server/config/check.h"

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "cli/output.h"
#include "model/model_root.h"
#include "server/metrics/server_metrics.h"
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
      findings->Take(
          absl::StrCat("model ", name, " version ", versions->front(), ": checksums, golden rows"),
          LoadVersion(root, name, versions->front(), **kernels, model::SystemCalls(), &metrics).status());
    }
  }
}

}  // namespace

bool Check(const Settings& settings, std::ostream& out) {
  Findings findings(&out);
  findings.Ok("settings");
  if (settings.server.tls.on()) findings.Take("certificates", CheckTlsFiles(settings.server.tls));
  std::error_code ignored;
  if (std::filesystem::is_directory(settings.server.model_root, ignored)) {
    CheckModels(settings.server, &findings);
  } else {
    findings.Failed(absl::StrCat("model root ", settings.server.model_root), "is no directory");
  }
  return findings.all_well();
}

}  // namespace adscore::server
