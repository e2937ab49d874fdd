// Names and limits of the files of a request log, for those who write and those who read them.
//
// Thread-safe: functions over the file system.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace adscore::request_log {

// A record has no more bytes than this, without its length: what is larger is not logged, and a length beyond
// it is damage.
inline constexpr size_t kMostRecordBytes = 1 << 20;

// A complete file is requests-TIME-PROCESS.pb, so that names sort by time. While it is written its name ends
// in kUnfinished beyond that.
inline constexpr char kPrefix[] = "requests-";
inline constexpr char kSuffix[] = ".pb";
inline constexpr char kUnfinished[] = ".part";

// Whether a complete file may have this name, without its directory.
bool IsLogFileName(std::string_view name);

// The complete files of the directory `path`, the oldest first; or `path` itself, whatever its name, if it is
// no directory. May be empty. NotFound if there is no such path, PermissionDenied or Unavailable if it can't
// be looked into.
absl::StatusOr<std::vector<std::string>> FindLogFiles(const std::string& path);

}  // namespace adscore::request_log
