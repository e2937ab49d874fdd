#include "model/model_root.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace adscore::model {
namespace fs = std::filesystem;
namespace {

absl::Status FileError(const std::error_code& error, const std::string& what) {
  const std::string message = absl::StrCat(what, ": ", error.message());
  if (error == std::errc::no_such_file_or_directory) return absl::NotFoundError(message);
  if (error == std::errc::permission_denied) return absl::PermissionDeniedError(message);
  return absl::UnavailableError(message);
}

}  // namespace

absl::Status CheckModelName(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  if (name.empty() || name.size() > 128 || name[0] == '.' ||
      !std::all_of(name.begin(), name.end(), allowed)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", std::string(name.substr(0, 200)),
                     "' is no model name: 1 to 128 letters, digits, '_', '-' or '.', and not a '.' first"));
  }
  return absl::OkStatus();
}

std::optional<int64_t> ParseVersion(std::string_view directory) {
  int64_t version = 0;
  const char* end = directory.data() + directory.size();
  const auto [at, error] = std::from_chars(directory.data(), end, version);
  if (error != std::errc() || at != end || version <= 0 || directory[0] == '0') return std::nullopt;
  return version;
}

std::string VersionDirectory(std::string_view root, std::string_view name, int64_t version) {
  return absl::StrCat(std::string(root), "/", std::string(name), "/", version);
}

absl::StatusOr<std::vector<std::string>> ListModels(const std::string& root) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;  // an entry that vanishes while we look is not there
    std::string name = it->path().filename().string();
    if (it->is_directory(ignored) && CheckModelName(name).ok()) names.push_back(std::move(name));
  }
  if (error) return FileError(error, absl::StrCat("can't read the model root ", root));
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::vector<int64_t>> ListVersions(const std::string& root, std::string_view name) {
  const std::string directory = absl::StrCat(root, "/", std::string(name));
  std::vector<int64_t> versions;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const std::optional<int64_t> version = ParseVersion(it->path().filename().string());
    if (version.has_value() && fs::exists(it->path() / kSnapshotFile, ignored)) versions.push_back(*version);
  }
  if (error) return FileError(error, absl::StrCat("can't read ", directory));
  std::sort(versions.rbegin(), versions.rend());
  return versions;
}

}  // namespace adscore::model
