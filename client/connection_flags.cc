#include "client/connection_flags.h"

#include "client/flag_checks.h"

namespace adscore::client {

void AddConnectionFlags(CLI::App* command, ConnectionOptions* options) {
  command->add_option("--target", options->target, "Where adscore-server listens for gRPC (its --listen)")
      ->type_name("HOST:PORT")
      ->check(Target())
      ->capture_default_str();
  command->add_option("--model", options->model, "The model's name [the server's only model]")
      ->type_name("NAME")
      ->check(ModelName());
  command
      ->add_option("--deadline-ms", options->deadline_ms,
                   "How long to wait for the answer to a call, milliseconds")
      ->type_name("MS")
      ->check(WholeNumber(1, 600'000))
      ->capture_default_str();
}

absl::StatusOr<std::unique_ptr<Client>> Connect(const ConnectionOptions& options) {
  return Client::Connect(options.target, {.deadline = std::chrono::milliseconds(options.deadline_ms)});
}

}  // namespace adscore::client
