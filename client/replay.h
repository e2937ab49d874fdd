// A server's request log, to be sent again: what was asked, and what was answered then.
//
// Thread-safe: a function over the file system.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "adscore/v1/prediction_service.pb.h"

namespace adscore::client {

struct Replay {
  std::vector<v1::PredictRequest> requests;  // as they were answered, but for keys and labels; of any version
  std::vector<v1::PredictResponse> answers;  // of each request
  std::vector<std::string> notes;            // one line each: what was left out, and why
};

// Requests of one run that are kept in memory.
inline constexpr size_t kMostReplayed = 1 << 20;

// Reads the complete files of a directory, or one file, in the order in which requests were answered, up to
// `most` of them. `model`: only what was logged of it; empty: all models. What a file is cut off within is
// left out with a note. InvalidArgument if there is no such request; the errors of request_log::LogReader.
absl::StatusOr<Replay> ReadReplay(const std::string& path, const std::string& model,
                                  size_t most = kMostReplayed);

}  // namespace adscore::client
