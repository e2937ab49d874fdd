// The flags that every subcommand has, and the client that they ask for.
//
// Not thread-safe: used while the command line is read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "client/client.h"
#include "client/tls.h"

namespace adscore::client {

struct ConnectionOptions {
  std::string target = "127.0.0.1:8500";
  std::string model{};  // empty: the server's only model
  int64_t deadline_ms = 1000;
  TlsOptions tls{};
};

void AddConnectionFlags(CLI::App* command, ConnectionOptions* options);

absl::StatusOr<std::unique_ptr<Client>> Connect(const ConnectionOptions& options);

}  // namespace adscore::client
