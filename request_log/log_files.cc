#include "request_log/log_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace adscore::request_log {
namespace {

namespace fs = std::filesystem;

absl::Status Failed(const std::string& path, const std::error_code& error) {
  const std::string message = absl::StrCat(path, ": ", error.message());
  if (error == std::errc::permission_denied) return absl::PermissionDeniedError(message);
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) {
    return absl::NotFoundError(message);
  }
  return absl::UnavailableError(message);
}

}  // namespace

bool IsLogFileName(std::string_view name) { return name.starts_with(kPrefix) && name.ends_with(kSuffix); }

absl::StatusOr<std::vector<std::string>> FindLogFiles(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return Failed(path, error);
  if (!fs::is_directory(status)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  fs::directory_iterator entry(path, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (IsLogFileName(entry->path().filename().string())) files.push_back(entry->path().string());
  }
  if (error) return Failed(path, error);
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace adscore::request_log
