#include "client/model_report.h"

#include <string>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/output.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/time_util.h"

namespace adscore::client {
namespace {

using Json = nlohmann::ordered_json;

// RFC 3339, UTC, whole seconds.
std::string Time(google::protobuf::Timestamp time) {
  time.set_nanos(0);
  return google::protobuf::util::TimeUtil::ToString(time);
}

}  // namespace

Json StatusToJson(const v1::ModelStatus& status) {
  Json json;
  json["model"] = status.model();
  json["serving_version"] = status.serving_version();
  json["serving_since"] = nullptr;
  if (status.has_serving_since()) json["serving_since"] = Time(status.serving_since());
  json["pinned_version"] = status.pinned_version();
  json["canary"] = nullptr;
  if (status.canary_version() != 0) {
    json["canary"] = {{"version", status.canary_version()}, {"share", status.canary_share()}};
  }
  json["shadow"] = nullptr;
  if (status.shadow_version() != 0) {
    json["shadow"] = {{"version", status.shadow_version()}, {"heads", Json::array()}};
    for (const v1::ShadowDifference& head : status.shadow()) {
      json["shadow"]["heads"].push_back({{"name", head.head()},
                                         {"rows", head.rows()},
                                         {"stable_mean", head.stable_mean()},
                                         {"shadow_mean", head.shadow_mean()},
                                         {"mean_absolute_difference", head.mean_absolute_difference()}});
    }
  }
  json["loaded_versions"] = status.loaded_versions();
  json["problem"] = status.problem();
  json["refused"] = Json::array();
  for (const v1::RefusedVersion& refused : status.refused()) {
    json["refused"].push_back({{"version", refused.version()},
                               {"reason", refused.reason()},
                               {"refused_at", Time(refused.refused_at())}});
  }
  return json;
}

void PrintStatus(const v1::ModelStatus& status, std::ostream& out) {
  out << status.model() << '\n';
  if (status.serving_version() == 0) {
    out << "  serves nothing yet\n";
  } else {
    out << "  serves    version " << status.serving_version();
    if (status.has_serving_since()) out << " since " << Time(status.serving_since());
    if (status.pinned_version() == status.serving_version()) out << ", pinned";
    out << '\n';
  }
  if (!status.problem().empty()) out << "  problem   " << cli::OneLine(status.problem()) << '\n';
  if (status.canary_version() != 0) {
    out << absl::StrFormat("  canary    version %d for %.4g %% of the keys\n", status.canary_version(),
                           100 * status.canary_share());
  }
  if (status.shadow_version() != 0) {
    out << "  shadow    version " << status.shadow_version() << '\n';
    for (const v1::ShadowDifference& head : status.shadow()) {
      out << absl::StrFormat("    %s: mean %.6g against %.6g, |difference| %.3g on average, %d rows\n",
                             cli::OneLine(head.head()), head.shadow_mean(), head.stable_mean(),
                             head.mean_absolute_difference(), head.rows());
    }
  }
  if (status.loaded_versions_size() > 1) {
    out << "  in memory versions " << absl::StrJoin(status.loaded_versions(), ", ") << '\n';
  }
  for (const v1::RefusedVersion& refused : status.refused()) {
    out << "  refused   version " << refused.version() << " at " << Time(refused.refused_at()) << ": "
        << cli::OneLine(refused.reason()) << '\n';
  }
}

}  // namespace adscore::client
