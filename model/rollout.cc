#include "model/rollout.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace adscore::model {
namespace {

using Json = nlohmann::ordered_json;

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::StatusOr<int64_t> ReadVersion(const Json& json, const std::string& key) {
  if (!json.is_number_integer() || json.get<int64_t>() <= 0) {
    return Bad(absl::StrCat(key, ": ", json.dump(), " is no version: a positive whole number"));
  }
  return json.get<int64_t>();
}

absl::Status ReadCanary(const Json& json, Rollout* rollout) {
  if (!json.is_object() || json.size() != 2 || !json.contains("version") || !json.contains("share")) {
    return Bad(R"(canary: expected {"version": N, "share": F})");
  }
  const absl::StatusOr<int64_t> version = ReadVersion(json["version"], "canary.version");
  if (!version.ok()) return version.status();
  const Json& share = json["share"];
  if (!share.is_number() || !(share.get<double>() > 0 && share.get<double>() <= 1)) {
    return Bad(absl::StrCat("canary.share: ", share.dump(), " is no share of the traffic in (0, 1]"));
  }
  rollout->canary = *version;
  rollout->canary_share = share.get<double>();
  return absl::OkStatus();
}

absl::Status WriteAndSync(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("can't create ", path));
  const ssize_t written = write(fd, text.data(), text.size());
  int error = 0;
  if (written != static_cast<ssize_t>(text.size())) {
    error = written < 0 ? errno : ENOSPC;  // what is so small is written in part only when the disk is full
  } else if (fsync(fd) != 0) {
    error = errno;
  }
  close(fd);
  return error == 0 ? absl::OkStatus() : absl::ErrnoToStatus(error, absl::StrCat("can't write ", path));
}

void SyncDirectory(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  (void)fsync(fd);  // file systems that can't do it have nothing to lose
  close(fd);
}

}  // namespace

std::set<int64_t> Rollout::Versions() const {
  std::set<int64_t> versions = {pinned, canary, shadow};
  versions.erase(0);
  return versions;
}

std::string RolloutToJson(const Rollout& rollout) {
  Json json = Json::object();
  if (rollout.pinned != 0) json["pinned"] = rollout.pinned;
  if (rollout.canary != 0) json["canary"] = {{"version", rollout.canary}, {"share", rollout.canary_share}};
  if (rollout.shadow != 0) json["shadow"] = rollout.shadow;
  return json.dump();
}

absl::StatusOr<Rollout> RolloutFromJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Bad("not a JSON object");
  Rollout rollout;
  for (const auto& [key, value] : json.items()) {
    if (key == "canary") {
      if (absl::Status status = ReadCanary(value, &rollout); !status.ok()) return status;
    } else if (key == "pinned" || key == "shadow") {
      const absl::StatusOr<int64_t> version = ReadVersion(value, key);
      if (!version.ok()) return version.status();
      (key == "pinned" ? rollout.pinned : rollout.shadow) = *version;
    } else {
      return Bad(absl::StrCat("unknown key '", key, "'; there are pinned, canary and shadow"));
    }
  }
  return rollout;
}

std::string RolloutPath(std::string_view root, std::string_view name) {
  return absl::StrCat(std::string(root), "/", std::string(name), "/", std::string(kRolloutFile));
}

absl::StatusOr<Rollout> ReadRollout(const std::string& root, std::string_view name) {
  const std::string path = RolloutPath(root, name);
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return Rollout();
  std::ifstream file(path);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.is_open() || file.bad()) return absl::UnavailableError(absl::StrCat("can't read ", path));
  absl::StatusOr<Rollout> rollout = RolloutFromJson(text);
  if (!rollout.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", rollout.status().message(), "; put it right, or remove the file"));
  }
  return rollout;
}

absl::Status WriteRollout(const std::string& root, std::string_view name, const Rollout& rollout) {
  const std::string path = RolloutPath(root, name);
  // A name of its own for each writer: servers on one model root may write at the same time.
  const std::string temporary = absl::StrCat(root, "/", std::string(name), "/.rollout-", getpid());
  absl::Status status = WriteAndSync(temporary, RolloutToJson(rollout) + "\n");
  if (status.ok() && std::rename(temporary.c_str(), path.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, absl::StrCat("can't replace ", path));
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  SyncDirectory(absl::StrCat(root, "/", std::string(name)));
  return absl::OkStatus();
}

}  // namespace adscore::model
