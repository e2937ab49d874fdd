// A file's bytes, for what must be in memory as a whole.
//
// Thread-safe: pure function.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace adscore::trainer {

inline constexpr size_t kMostFileBytes = size_t{2} << 30;

// NotFound, PermissionDenied, InvalidArgument for a directory or more than kMostFileBytes.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path);

}  // namespace adscore::trainer
