#include "server/config/reread.h"

#include <algorithm>
#include <iterator>

#include "server/tls_files.h"
#include "spdlog/spdlog.h"

namespace adscore::server {
namespace {

constexpr const char* kLive[] = {"--keep-versions",     "--log-level",     "--max-mean-shift",
                                 "--min-version-age-s", "--schema-change", "--request-log-sample"};

std::string Shown(const std::string& value) { return value.empty() ? "nothing" : value; }

void CheckCertificates(const TlsFiles& tls) {
  const absl::Status status = CheckTlsFiles(tls);
  if (status.ok()) {
    spdlog::info("SIGHUP: certificates hold, and are used for new connections");
  } else {
    spdlog::error("SIGHUP: {}; the certificates read before stay in use", std::string(status.message()));
  }
}

}  // namespace

bool CanChangeWhileRunning(const std::string& flag) {
  return std::find(std::begin(kLive), std::end(kLive), flag) != std::end(kLive);
}

void TakeOver(const ReadSettings& read, Settings* settings, Server* server) {
  for (const std::string& problem : read.problems) spdlog::error("SIGHUP: {}", problem);
  if (!read.problems.empty()) {
    spdlog::error("SIGHUP: nothing was changed, since these settings can't be");
    return;
  }
  // Under whichever level shows more, so that a change of the level is seen both ways.
  const auto level = spdlog::level::from_str(read.settings.log.level);
  if (level < spdlog::get_level()) SetLogLevel(read.settings.log.level);
  int changed = 0;
  for (const std::string& flag : ChangedFlags(*settings, read.settings)) {
    const std::string& to = read.settings.values.at(flag);
    std::string& from = settings->values.at(flag);
    if (CanChangeWhileRunning(flag)) {
      ++changed;
      spdlog::info("SIGHUP: {}: {} → {}", flag, Shown(from), Shown(to));
      from = to;
    } else {
      spdlog::warn("SIGHUP: {}: {} → {} needs a restart", flag, Shown(from), Shown(to));
    }
  }
  settings->server.policy = read.settings.server.policy;
  server->SetPolicy(settings->server.policy);
  settings->server.request_log.share = read.settings.server.request_log.share;
  server->SetRequestLogShare(settings->server.request_log.share);
  if (settings->server.tls.on()) CheckCertificates(settings->server.tls);
  spdlog::info("SIGHUP: settings re-read, {} changed", changed);
  settings->log.level = read.settings.log.level;
  SetLogLevel(settings->log.level);
}

}  // namespace adscore::server
