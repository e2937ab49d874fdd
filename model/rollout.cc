#include "model/rollout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/system_calls.h"
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

constexpr size_t kMostBytes = 64 << 10;

// Whatever lies there: a pipe is not waited for, and a directory or a disk that fails is an error.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return SystemError(errno, absl::StrCat("can't open ", path));
  struct stat info;
  if (fstat(file.get(), &info) != 0) return SystemError(errno, absl::StrCat("can't read ", path));
  if (!S_ISREG(info.st_mode)) return Bad("not a file");
  std::string text(kMostBytes, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = read(file.get(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError(errno, absl::StrCat("can't read ", path));
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  text.resize(size);
  return text;
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
  const absl::StatusOr<std::string> text = ReadSmallFile(path);
  if (absl::IsNotFound(text.status())) return Rollout();
  absl::StatusOr<Rollout> rollout =
      text.ok() ? RolloutFromJson(*text) : absl::StatusOr<Rollout>(text.status());
  if (absl::IsInvalidArgument(rollout.status())) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", rollout.status().message(), "; put it right, or remove it"));
  }
  return rollout;
}

absl::Status WriteRollout(const std::string& root, std::string_view name, const Rollout& rollout) {
  const std::string directory = absl::StrCat(root, "/", std::string(name));
  const std::string text = RolloutToJson(rollout) + "\n";
  std::string temporary = directory + "/.rollout-XXXXXX";
  const FileDescriptor file(mkostemp(temporary.data(), O_CLOEXEC));
  if (file.get() < 0) return SystemError(errno, absl::StrCat("can't create a file in ", directory));
  absl::Status status = WriteAll(SystemCalls::Default(), file.get(), text.data(), text.size(), temporary);
  if (status.ok() && (fchmod(file.get(), 0644) != 0 || fsync(file.get()) != 0)) {
    status = SystemError(errno, absl::StrCat("can't write ", temporary));
  }
  const std::string path = RolloutPath(root, name);
  if (status.ok() && std::rename(temporary.c_str(), path.c_str()) != 0) {
    status = SystemError(errno, absl::StrCat("can't replace ", path));
  }
  if (status.ok()) {
    SyncDirectory(directory);
  } else {
    unlink(temporary.c_str());
  }
  return status;
}

}  // namespace adscore::model
