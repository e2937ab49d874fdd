// `adscore-client predict`: a file of impressions in, probabilities out, row by row and in order.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "client/connection_flags.h"

namespace adscore::client {

struct PredictOptions {
  ConnectionOptions connection;
  std::string data;
  std::string format = "auto";
  uint64_t rows = 0;  // 0: all
  std::string output = "tsv";
};

void AddPredictFlags(CLI::App* command, PredictOptions* options);

// Each row of the file is an impression with one candidate. Writes what was asked for to `out`, and how many
// rows were scored by which version to standard error. Fails with the first row that fails, naming it.
absl::Status RunPredict(const PredictOptions& options, std::ostream& out);

}  // namespace adscore::client
