// `adscore-client bench`: load on a server, and how it copes.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "client/connection_flags.h"

namespace adscore::client {

struct BenchOptions {
  ConnectionOptions connection;
  std::string data{};  // empty: synthetic impressions
  std::string format = "auto";
  std::string replay{};      // a request log to send again, instead of `data`
  double rate = 0;           // requests per second; 0: closed loop
  uint64_t concurrency = 0;  // requests in flight; 0: open loop
  double seconds = 0;        // 0: 10 s, or with `replay` until each request is sent once
  double warmup_seconds = 0.5;
  uint64_t candidates = 1;
  uint64_t connections = 1;
  bool stream = false;  // PredictStream instead of unary calls
  uint64_t seed = 1;
  bool check = false;  // every answer against that of the server at rest, or that of the log
  bool json = false;
};

void AddBenchFlags(CLI::App* command, BenchOptions* options);

// Writes a table or one JSON object to `out`. An error if the load can't begin, or if not one request was
// answered.
absl::Status RunBench(const BenchOptions& options, std::ostream& out);

}  // namespace adscore::client
