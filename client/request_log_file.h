// A server's request log (--request-log), to be sent again.
//
// Thread-safe: a function over the file system.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "adscore/v1/prediction_service.pb.h"

namespace adscore::client {

// The first requests of the file, `most` at most, as they came but for their keys. A record that is cut off
// at the end is left out. InvalidArgument if the file can't be read, is no request log, or has no request.
absl::StatusOr<std::vector<v1::PredictRequest>> ReadRequestLog(const std::string& path, size_t most);

}  // namespace adscore::client
